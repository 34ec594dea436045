import { expect, it } from 'vitest';
import { evaluateIx } from '../../src/compiler/index.ts';
import { simplifyLoops, splitPrefix } from '../../src/compiler/loops.ts';
import { ix } from '../../src/scalar/index.ts';
import type { Ix, Var } from '../../src/scalar/index.ts';

const v = (key: string, size: number): Var => ix.variable(key, size);
const sizes = (vars: readonly Var[]): number[] => vars.map((x) => x.size);

/** All values of an index in loop order. */
function walk(vars: readonly Var[], index: Ix, at = new Map<string, number>()): number[] {
  if (vars.length === 0) return [evaluateIx(index, at)];
  const [first, ...rest] = vars;
  return Array.from({ length: first.size }, (_, i) => walk(rest, index, new Map(at).set(first.key, i))).flat();
}

it('merges loops that always move together', () => {
  const [n, h, c] = [v('n', 4), v('h', 6), v('c', 8)];
  const flat = ix.flatten([n, h, c].map(ix.ixOf), [48, 8, 1]);
  const loops = simplifyLoops({ sets: [[n, h, c]], exprs: [], indices: [flat] });
  expect(sizes(loops.sets[0])).toEqual([192]);
  expect(walk(loops.sets[0], loops.indices[0])).toEqual(walk([n, h, c], flat));
});

it('keeps apart what some index tells apart', () => {
  const [n, c] = [v('n', 4), v('c', 8)];
  const flat = ix.flatten([n, c].map(ix.ixOf), [8, 1]);
  const loops = simplifyLoops({ sets: [[n, c]], exprs: [], indices: [flat, ix.ixOf(c)] });
  expect(sizes(loops.sets[0])).toEqual([4, 8]);
});

it('never merges across sets', () => {
  const [n, c] = [v('n', 4), v('c', 8)];
  const flat = ix.flatten([n, c].map(ix.ixOf), [8, 1]);
  expect(simplifyLoops({ sets: [[n], [c]], exprs: [], indices: [flat] }).sets.map(sizes)).toEqual([[4], [8]]);
});

it('splits a variable so that quotients and remainders become loops', () => {
  const [w, c] = [v('w', 26), v('c', 32)];
  const pooled = ix.add(ix.scale(ix.div(ix.ixOf(w), 2), 32), ix.ixOf(c));
  const parity = ix.mod(ix.ixOf(w), 2);
  const before = [walk([w, c], pooled), walk([w, c], parity)];
  const loops = simplifyLoops({ sets: [[w, c]], exprs: [], indices: [pooled, parity] });
  expect(sizes(loops.sets[0])).toEqual([13, 2, 32]);
  expect(loops.indices.every((i) => loops.sets[0].every((x) => ix.coefficientOf(i, x) !== undefined))).toBe(true);
  expect(loops.indices.map((i) => walk(loops.sets[0], i))).toEqual(before);
});

it('leaves an innermost run that is long enough for vectors', () => {
  const c = v('c', 12);
  const third = ix.mod(ix.ixOf(c), 3);
  expect(sizes(simplifyLoops({ sets: [[c]], exprs: [], indices: [third] }).sets[0])).toEqual([12]);
  expect(sizes(simplifyLoops({ sets: [[c]], exprs: [], indices: [third] }, 1).sets[0])).toEqual([4, 3]);
});

it('drops loops of one iteration', () => {
  const [n, c] = [v('n', 1), v('c', 5)];
  expect(sizes(simplifyLoops({ sets: [[n, c]], exprs: [], indices: [ix.ixOf(c)] }).sets[0])).toEqual([5]);
});

it('cuts a prefix with enough iterations to share out', () => {
  const vars = [v('a', 4), v('b', 5), v('c', 6)];
  expect(splitPrefix(vars, 1)).toMatchObject({ pieces: 1, perPiece: 120 });
  expect(splitPrefix(vars, 8)).toMatchObject({ prefix: vars.slice(0, 2), pieces: 20, perPiece: 6 });
  expect(splitPrefix(vars, 1000)).toMatchObject({ pieces: 120, perPiece: 1 });
});

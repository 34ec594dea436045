/** Loop surgery: splitting a variable where quotients and remainders ask for it, merging neighbours that always move together. */
import { ix } from '../scalar/index.ts';
import type { Atom, Expr, Ix, Var } from '../scalar/index.ts';
import { Rewriter, visit } from './rewrite.ts';

/** A split of the innermost variable below this would leave too little to vectorize. */
const MIN_INNER = 8;
const MAX_ROUNDS = 8;

/** Sets of variables (outer to inner) with everything that is indexed by them. */
export interface Loops {
  readonly sets: readonly (readonly Var[])[];
  readonly exprs: readonly Expr[];
  readonly indices: readonly Ix[];
}

/** The same loops with affine indices where splitting achieves it, and as few variables as possible. `minInner` bounds the innermost. */
export function simplifyLoops(loops: Loops, minInner = MIN_INNER): Loops {
  let now = loops;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const split = splitOnce(now, minInner);
    if (!split) break;
    now = split;
  }
  for (;;) {
    const merged = mergeOnce(now);
    if (!merged) return dropOnes(now);
    now = merged;
  }
}

function splitOnce(loops: Loops, minInner: number): Loops | undefined {
  const last = loops.sets.findLast((s) => s.length > 0)?.at(-1);
  const wanted = new Map<string, number>();
  forEachAtom(loops, (atom) => {
    if (atom.kind !== 'div' && atom.kind !== 'mod') return;
    const [term] = atom.of.terms;
    if (atom.of.terms.length !== 1 || atom.of.constant !== 0 || term.coefficient !== 1 || term.atom.kind !== 'var') return;
    const { key, size } = term.atom;
    if (size % atom.by !== 0 || atom.by >= size || (key === last?.key && atom.by < minInner)) return;
    wanted.set(key, Math.min(atom.by, wanted.get(key) ?? Infinity));
  });
  for (const [s, set] of loops.sets.entries()) {
    for (const [i, v] of set.entries()) {
      const by = wanted.get(v.key);
      if (by === undefined) continue;
      const high = ix.variable(`${v.key}h`, v.size / by);
      const low = ix.variable(`${v.key}l`, by);
      return rebound(loops, s, [...set.slice(0, i), high, low, ...set.slice(i + 1)], [[v, ix.add(ix.scale(ix.ixOf(high), by), ix.ixOf(low))]]);
    }
  }
  return undefined;
}

function mergeOnce(loops: Loops): Loops | undefined {
  const every = allIndices(loops);
  for (const [s, set] of loops.sets.entries()) {
    for (let i = 0; i + 1 < set.length; i++) {
      const [u, v] = [set[i], set[i + 1]];
      if (u.size === 1 || v.size === 1 || !every.every((index) => together(index, u, v))) continue;
      const w = ix.variable(`${u.key}.${v.key}`, u.size * v.size);
      const whole = ix.ixOf(w);
      return rebound(loops, s, [...set.slice(0, i), w, ...set.slice(i + 2)], [[u, ix.div(whole, v.size)], [v, ix.mod(whole, v.size)]]);
    }
  }
  return undefined;
}

function together(index: Ix, u: Var, v: Var): boolean {
  const cu = ix.coefficientOf(index, u);
  const cv = ix.coefficientOf(index, v);
  return cu !== undefined && cv !== undefined && cu === cv * v.size;
}

function rebound(loops: Loops, set: number, vars: readonly Var[], pairs: readonly (readonly [Var, Ix])[]): Loops {
  const rewriter = new Rewriter(new Map(pairs.map(([v, to]) => [v.key, to])));
  return {
    sets: loops.sets.map((old, s) => (s === set ? vars : old)),
    exprs: loops.exprs.map(rewriter.expr),
    indices: loops.indices.map(rewriter.index),
  };
}

function dropOnes(loops: Loops): Loops {
  return { ...loops, sets: loops.sets.map((set) => set.filter((v) => v.size !== 1)) };
}

/** Every index expression under the loops: of loads, of index values, of stores. */
export function allIndices(loops: { readonly exprs: readonly Expr[]; readonly indices: readonly Ix[] }): Ix[] {
  const out = new Map<string, Ix>(loops.indices.map((i) => [i.key, i]));
  visit(loops.exprs, (e) => { if (e.kind === 'load' || e.kind === 'index') out.set(e.ix.key, e.ix); });
  return [...out.values()];
}

function forEachAtom(loops: Loops, see: (atom: Atom) => void): void {
  const walk = (index: Ix): void => {
    for (const { atom } of index.terms) {
      see(atom);
      if (atom.kind === 'div' || atom.kind === 'mod' || atom.kind === 'clamp') walk(atom.of);
    }
  };
  for (const index of allIndices(loops)) walk(index);
}

/** How loops are shared out: the shortest prefix of `vars` with at least `wanted` iterations is one flat counter. */
export function splitPrefix(vars: readonly Var[], wanted: number): { prefix: readonly Var[]; pieces: number; rest: readonly Var[]; perPiece: number } {
  let count = 0;
  let pieces = 1;
  while (count < vars.length && pieces < wanted) pieces *= vars[count++].size;
  const rest = vars.slice(count);
  return { prefix: vars.slice(0, count), pieces, rest, perPiece: rest.reduce((n, v) => n * v.size, 1) };
}

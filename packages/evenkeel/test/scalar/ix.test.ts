import { describe, expect, it } from 'vitest';
import { ix, literal } from '../../src/scalar/index.ts';
import type { Ix } from '../../src/scalar/index.ts';
import { randomValues } from '../support/check-op.ts';
import { floorMod, interpretIx } from '../support/interpret.ts';

const sizes = { i: 5, j: 7, k: 12, one: 1 };
const vars = Object.fromEntries(Object.entries(sizes).map(([key, size]) => [key, ix.ixOf(ix.variable(key, size))]));
type Point = Record<keyof typeof sizes, number>;
const valueAt = (index: Ix, point: Point): number => interpretIx(index, { variables: new Map(Object.entries(point)) });
const points: Point[] = Array.from({ length: 5 * 7 * 12 }, (_, n) => ({ i: Math.floor(n / 84), j: Math.floor(n / 12) % 7, k: n % 12, one: 0 }));

describe('ix', () => {
  it('undoes a reshape: the quotient and the remainder of one offset join again', () => {
    const flat = ix.flatten([vars.i, vars.j, vars.k], [84, 12, 1]);
    const [a, b, c] = ix.unflatten(flat, [5, 7, 12], [84, 12, 1]);
    expect([a.key, b.key, c.key]).toEqual([vars.i.key, vars.j.key, vars.k.key]);
    const merged = ix.ixOf(ix.variable('m', 35));
    expect(ix.add(ix.scale(ix.div(merged, 7), 7), ix.mod(merged, 7)).key).toBe(merged.key);
    expect(ix.add(ix.scale(ix.div(merged, 7), 14), ix.scale(ix.mod(merged, 7), 2), vars.i).key).toBe(ix.add(ix.scale(merged, 2), vars.i).key);
  });

  it('knows its range', () => {
    const index = ix.offset(ix.add(ix.scale(vars.i, -2), ix.scale(vars.j, 3)), 1);
    expect([index.min, index.max]).toEqual([-7, 19]);
    expect([ix.mod(index, 4).min, ix.mod(index, 4).max]).toEqual([0, 3]);
    expect([ix.div(index, 4).min, ix.div(index, 4).max]).toEqual([-2, 4]);
    expect([ix.clamp(index, 0, 9).min, ix.clamp(index, 0, 9).max]).toEqual([0, 9]);
  });

  it('drops variables of one element and whole multiples', () => {
    expect(vars.one.terms).toEqual([]);
    expect(ix.mod(ix.add(ix.scale(vars.i, 6), vars.one), 3).key).toBe('0');
    expect(ix.div(ix.scale(vars.i, 6), 3).key).toBe(ix.scale(vars.i, 2).key);
    expect(Object.is(ix.scale(ix.constant(0), -1).constant, 0)).toBe(true);
  });

  it('gives equal normal forms equal keys', () => {
    const rows = ix.add(ix.scale(vars.i, 5), ix.scale(vars.j, 3));
    expect(ix.div(ix.div(rows, 2), 3).key).toBe(ix.div(rows, 6).key);
    expect(ix.mod(ix.mod(rows, 12), 4).key).toBe(ix.mod(rows, 4).key);
    expect(ix.add(vars.j, vars.i).key).toBe(ix.add(vars.i, vars.j).key);
  });

  it('tells what a variable contributes', () => {
    const v = ix.variable('i', 5);
    expect(ix.coefficientOf(ix.add(ix.scale(vars.i, 3), vars.j), v)).toBe(3);
    expect(ix.coefficientOf(ix.div(vars.i, 2), v)).toBeUndefined();
    expect(ix.coefficientOf(vars.j, v)).toBe(0);
    expect(ix.uses(ix.clamp(vars.i, 1, 2), v)).toBe(true);
    expect(ix.uses(vars.j, v)).toBe(false);
  });

  it('limits an index read from data', () => {
    const wild = ix.fromData(literal(99, 'i32'), 4, 'wild');
    expect([wild.min, wild.max, interpretIx(wild, {})]).toEqual([0, 3, 3]);
  });

  it('substitutes variables', () => {
    const index = ix.add(ix.scale(ix.div(vars.i, 2), 3), ix.mod(vars.j, 3), ix.clamp(ix.offset(vars.i, -1), 0, 2));
    const bind = new Map([['i', ix.div(vars.k, 3)], ['j', ix.offset(ix.scale(vars.i, -1), 4)]]);
    const moved = ix.substitute(index, bind, (e) => e);
    for (const point of points) {
      const inner = { ...point, i: Math.floor(point.k / 3), j: 4 - point.i };
      expect(valueAt(moved, point)).toBe(valueAt(index, inner));
    }
  });
});

describe('random index expressions', () => {
  it('equal direct arithmetic and stay within their bounds', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const { index, direct, text } = grow(choices(seed), 4);
      const wrong = points.find((point) => valueAt(index, point) !== direct(point));
      expect(wrong, `seed ${seed}: ${text}`).toBeUndefined();
    }
  });
});

interface Grown { readonly index: Ix; readonly direct: (point: Point) => number; readonly text: string }

/** A source of whole numbers 0 .. below-1. */
function choices(seed: number): (below: number) => number {
  const stream = randomValues(2000, 0, 1, seed);
  let at = 0;
  return (below) => Math.floor(stream[at++] * below);
}

function grow(choose: (below: number) => number, depth: number): Grown {
  if (depth === 0) return leaf(choose);
  const a = grow(choose, depth - 1);
  const by = choose(12) + 1;
  switch (choose(6)) {
    case 0: return { index: ix.div(a.index, by), direct: (p) => Math.floor(a.direct(p) / by), text: `(${a.text})/${by}` };
    case 1: return { index: ix.mod(a.index, by), direct: (p) => floorMod(a.direct(p), by), text: `(${a.text})%${by}` };
    case 2: return clamped(a, by - 9, choose(9));
    case 3: return scaled(a, by - 6, choose(40) - 20);
    case 4: return rejoined(a, by);
    default: return sum(a, grow(choose, depth - 1));
  }
}

function leaf(choose: (below: number) => number): Grown {
  const key = (['i', 'j', 'k'] as const)[choose(3)];
  return { index: vars[key], direct: (p) => p[key], text: key };
}

function clamped(a: Grown, low: number, span: number): Grown {
  const high = low + span;
  return { index: ix.clamp(a.index, low, high), direct: (p) => Math.max(low, Math.min(high, a.direct(p))), text: `clamp(${a.text},${low},${high})` };
}

function scaled(a: Grown, by: number, plus: number): Grown {
  return { index: ix.offset(ix.scale(a.index, by), plus), direct: (p) => a.direct(p) * by + plus + 0, text: `(${a.text})*${by}+${plus}` };
}

function sum(a: Grown, b: Grown): Grown {
  return { index: ix.add(a.index, b.index), direct: (p) => a.direct(p) + b.direct(p), text: `${a.text}+${b.text}` };
}

/** by * (a / by) + a % by, which must be a again. */
function rejoined(a: Grown, by: number): Grown {
  const index = ix.add(ix.scale(ix.div(a.index, by), by), ix.mod(a.index, by));
  return { index, direct: a.direct, text: `rejoin(${a.text},${by})` };
}

import { describe, expect, it } from 'vitest';
import type { DType } from '../../../src/base/index.ts';
import { build, dense, grad, monoids } from '../../../src/graph/index.ts';
import type { Monoid } from '../../../src/graph/index.ts';
import { literal } from '../../../src/scalar/index.ts';
import { apply, checkGradient, expectClose, randomDense, randomValues } from '../../support/check-op.ts';
import { interpret } from '../../support/interpret.ts';

const all: readonly Monoid[] = Object.values(monoids);

/** The state after a walk over the values, by step alone; it starts with a value of the whole, at its position. */
function walk(monoid: Monoid, values: readonly number[], from: number, dtype: DType, first: { readonly value: number; readonly position: number }): number[] {
  const begin = literal(first.value, dtype);
  let state = monoid.init(begin, dtype, literal(first.position, 'i32'), [begin, begin, begin]).map((e) => interpret(e, {}));
  values.forEach((x, position) => {
    state = monoid.step(known(state, monoid, dtype), literal(x, dtype), literal(from + position, 'i32')).map((e) => interpret(e, {}));
  });
  return state;
}

function known(state: readonly number[], monoid: Monoid, dtype: DType) {
  return state.map((value, slot) => literal(value, monoid.stateTypes(dtype)[slot]));
}

/** Walks pieces of the given lengths apart and merges them in order. */
function inPieces(monoid: Monoid, values: readonly number[], lengths: readonly number[], field: string, dtype: DType): number {
  let count = 0;
  const begin = { value: values[0], position: 0 };
  let state = walk(monoid, [], 0, dtype, begin);
  for (const length of lengths) {
    const piece = walk(monoid, values.slice(count, count + length), count, dtype, count < values.length ? { value: values[count], position: count } : begin);
    const merged = monoid.merge(known(state, monoid, dtype), known(piece, monoid, dtype), literal(count), literal(length));
    state = merged.map((e) => interpret(e, {}));
    count += length;
  }
  return interpret(monoid.finish(known(state, monoid, dtype), literal(count), field), {});
}

describe.each(all.map((m) => [m.name, m] as const))('%s', (_, monoid) => {
  const samples: readonly (readonly [DType, readonly number[]])[] = [
    ['f32', randomValues(12, -2, 2)], ['f32', [3]], ['f32', [-5, -5, -5, 1, 1, -7, 1, 0, 0]], ['f32', [1, NaN, 2, NaN, 3, 1, 2, 3, 4]],
    ['i32', [-5, -5, 7, 7, 2, 7, -2147483648, 4, 7]], ['u32', [3, 4294967295, 4294967295, 0, 1, 2, 9, 9, 9]],
  ];
  const fitting = samples.filter(([dtype]) => monoid.types.includes(dtype));

  it('walks, merges and finishes to its reference, however the values are cut', () => {
    for (const [dtype, values] of fitting) {
      const n = values.length;
      for (const field of monoid.fields) {
        const expected = monoid.reference(Float64Array.from(values), field, dtype);
        const wrapped = monoid.fieldType(field, dtype) === 'u32' ? expected >>> 0 : expected;
        for (const cut of [[n], [0, n], [n, 0], [0, 0, n, 0], n > 3 ? [2, 0, n - 3, 1] : [n]]) {
          expectClose(inPieces(monoid, values, cut, field, dtype), wrapped, 9, `${dtype} ${values} cut ${cut}: ${field}`);
        }
      }
    }
  });

  it.runIf(monoid.restart)('goes on in blocks, whatever the state is measured against', () => {
    for (const [dtype, values] of fitting.filter(([, list]) => list.every(Number.isFinite))) {
      const first = { value: values[0], position: 0 };
      let state = walk(monoid, values.slice(0, 4), 0, dtype, first);
      for (let at = 4; at < values.length; at += 4) {
        if (monoid.recenter) state = monoid.recenter(known(state, monoid, dtype), literal(at)).map((e) => interpret(e, {}));
        let block = monoid.restart!(known(state, monoid, dtype)).map((e) => interpret(e, {}));
        values.slice(at, at + 4).forEach((x, i) => { block = monoid.step(known(block, monoid, dtype), literal(x, dtype), literal(at + i, 'i32')).map((e) => interpret(e, {})); });
        state = monoid.merge(known(state, monoid, dtype), known(block, monoid, dtype), literal(1), literal(1)).map((e) => interpret(e, {}));
      }
      for (const field of monoid.fields) {
        const expected = monoid.reference(Float64Array.from(values), field, dtype);
        const wrapped = monoid.fieldType(field, dtype) === 'u32' ? expected >>> 0 : expected;
        expectClose(interpret(monoid.finish(known(state, monoid, dtype), literal(values.length), field), {}), wrapped, 9, `${dtype} ${values}: ${field}`);
      }
    }
  });

  it.runIf(monoid.recenter)('keeps its values when measured anew, also when there are none', () => {
    const values = [1e3, 1, 2, 4];
    const state = walk(monoid, values, 0, 'f32', { value: 1e3, position: 0 });
    const anew = monoid.recenter!(known(state, monoid, 'f32'), literal(4)).map((e) => interpret(e, {}));
    for (const field of monoid.fields) expectClose(interpret(monoid.finish(known(anew, monoid, 'f32'), literal(4), field), {}), monoid.reference(Float64Array.from(values), field, 'f32'), 9, field);
    const none = walk(monoid, [], 0, 'f32', { value: 7, position: 0 });
    expect(monoid.recenter!(known(none, monoid, 'f32'), literal(0)).map((e) => interpret(e, {}))).toEqual(none);
  });

  it('has state and result of the types that it says', () => {
    for (const dtype of monoid.types) {
      const types = monoid.stateTypes(dtype);
      const one = literal(1, dtype);
      const state = monoid.init(one, dtype, literal(0, 'i32'), [one, one, one]);
      expect(state.map((e) => e.dtype)).toEqual(types);
      expect(monoid.step(state, literal(1, dtype), literal(0, 'i32')).map((e) => e.dtype)).toEqual(types);
      expect(monoid.merge(state, state, literal(1), literal(1)).map((e) => e.dtype)).toEqual(types);
      for (const field of monoid.fields) expect(monoid.finish(state, literal(1), field).dtype).toBe(monoid.fieldType(field, dtype));
    }
  });

  if (monoid !== monoids.argmax) {
    it('has the gradient that finite differences show', () => {
      const smooth = ['sum', 'prod', 'moments'].includes(monoid.name);
      for (const field of monoid.fields) {
        for (const axes of [[1], [0, 2], [0, 1, 2]]) {
          const order = smooth || field === 'lse' ? 2 : 1;
          checkGradient((x) => build.reduce(x, monoid.name, field, axes), [randomDense([2, 3, 2], 0.5, 2)], { order });
        }
      }
    });
  }
});

describe('extremes', () => {
  const gradient = (monoid: string, field: string, values: readonly number[]): number[] =>
    [...apply((x) => grad(build.reduce(x, monoid, field, [0]), [x])[0], [dense([values.length], values)]).data];

  it('share the gradient among ties', () => {
    expect(gradient('max', 'value', [1, 3, 3, 2])).toEqual([0, 0.5, 0.5, 0]);
    expect(gradient('min', 'value', [1, 1, 1, 2])).toEqual([1 / 3, 1 / 3, 1 / 3, 0]);
    expect(gradient('softmax', 'max', [1, 3, 3, 2])).toEqual([0, 0.5, 0.5, 0]);
  });

  it('propagate NaN', () => {
    for (const monoid of ['max', 'min']) expect(apply((x) => build.reduce(x, monoid, 'value', [0]), [dense([3], [1, NaN, 2])]).data[0]).toBeNaN();
  });
});

describe('prod', () => {
  const gradient = (values: readonly number[]): number[] =>
    [...apply((x) => grad(build.reduce(x, 'prod', 'value', [0]), [x])[0], [dense([values.length], values)]).data];

  it('gives each value the product of the others, zeros among them or not', () => {
    expect(gradient([2, 3, 4])).toEqual([12, 8, 6]);
    expect(gradient([2, 0, 4])).toEqual([0, 8, 0]);
    expect(gradient([0, 0, 4])).toEqual([0, 0, 0]);
    checkGradient((x) => build.reduce(x, 'prod', 'value', [1]), [dense([2, 3], [2, 0, 4, 0, 0, 1])]);
  });
});

describe('argmax', () => {
  const argmax = (values: readonly number[]): number => apply((x) => build.reduce(x, 'argmax', 'value', [0]), [dense([values.length], values)]).data[0];

  it('takes the first of equals, and NaN before numbers', () => {
    expect(argmax([1, 3, 3])).toBe(1);
    expect(argmax([1, NaN, 3, NaN])).toBe(1);
    expect(argmax([-Infinity, -Infinity])).toBe(0);
  });
});

describe('moments', () => {
  it('keeps the variance of values whose mean is ten thousand times their deviation', () => {
    const values = randomValues(1000, -1, 1).map((x) => Math.fround(1e4 + x));
    const exact = monoids.moments.reference(Float64Array.from(values), 'm2', 'f32');
    const got = inPieces(monoids.moments, values, [10, 0, 490, 500], 'm2', 'f32');
    expect(Math.abs(got - exact) / exact).toBeLessThan(1e-9);
  });

  it('is not troubled by the shift of an empty piece', () => {
    const moments = monoids.moments;
    const empty = [literal(NaN), literal(0), literal(0)];
    const some = [literal(2), literal(3), literal(5)];
    const merged = (a: typeof some, b: typeof some, countA: number, countB: number): number[] =>
      moments.merge(a, b, literal(countA), literal(countB)).map((e) => interpret(e, {}));
    expect(merged(empty, some, 0, 3)).toEqual([2, 3, 5]);
    expect(merged(some, empty, 3, 0)).toEqual([2, 3, 5]);
  });
});

describe('softmax', () => {
  it('takes -Infinity as a value of weight nothing', () => {
    const lse = (values: readonly number[]): number => inPieces(monoids.softmax, values, [1, values.length - 1], 'lse', 'f32');
    expect(lse([-Infinity, 0, -Infinity, 0])).toBeCloseTo(Math.LN2, 14);
    expect(lse([-3.4028234663852886e38, -Infinity])).toBe(-3.4028234663852886e38);
  });

  // torch.logsumexp, torch.amax and torch.log_softmax of PyTorch 2.15; logSum is what makes log_softmax = x - max - logSum NaN.
  it.each([
    [[-Infinity, -Infinity], -Infinity, -Infinity, NaN], [[Infinity, Infinity], Infinity, Infinity, NaN], [[Infinity, 1], Infinity, Infinity, NaN],
    [[1, Infinity, 2, Infinity], Infinity, Infinity, NaN], [[Infinity, -Infinity], Infinity, Infinity, NaN], [[NaN, 1], NaN, NaN, NaN],
    [[Infinity, NaN], NaN, NaN, NaN], [[NaN, Infinity], NaN, NaN, NaN], [[-Infinity, 0], 0, 0, 0],
  ])('of %j: lse %d, max %d, logSum %d', (values, lse, max, logSum) => {
    const expected = { lse, max, logSum };
    for (const [field, wanted] of Object.entries(expected)) {
      expect(monoids.softmax.reference(Float64Array.from(values), field, 'f32'), field).toBe(wanted);
      for (const cut of [[values.length], [1, values.length - 1], [0, 1, 0, values.length - 1]]) expect(inPieces(monoids.softmax, values, cut, field, 'f32'), field).toBe(wanted);
    }
  });

  it('does not overflow', () => {
    expect(inPieces(monoids.softmax, [1000, 1000, -1000], [3], 'lse', 'f32')).toBeCloseTo(1000 + Math.LN2, 12);
  });
});

import { describe, expect, it } from 'vitest';
import { build, dense } from '../../../src/graph/index.ts';
import { apply, checkGradient, randomDense } from '../../support/check-op.ts';

const sum = (axes: readonly number[]) => (x: Parameters<typeof build.reduce>[0]) => build.reduce(x, 'sum', 'value', axes);

describe('reduce', () => {
  it('drops the axes that it reduces', () => {
    const x = dense([2, 3], [1, 2, 3, 4, 5, 6]);
    expect(apply(sum([1]), [x])).toEqual(dense([2], [6, 15]));
    expect(apply(sum([0]), [x])).toEqual(dense([3], [5, 7, 9]));
    expect(apply(sum([0, 1]), [x])).toEqual(dense([], [21]));
    expect(apply(sum([]), [x])).toEqual(x);
  });

  it('walks outer and inner axes together in row-major order', () => {
    const x = dense([2, 2, 2], [0, 9, 1, 1, 2, 1, 9, 1]);
    expect(apply((n) => build.reduce(n, 'argmax', 'value', [0, 2]), [x])).toEqual(dense([2], [1, 2]));
  });

  it('gives the empty value where there is nothing to reduce', () => {
    const nothing = dense([2, 0], []);
    const of = (monoid: string, field: string, dtype: 'f32' | 'i32' | 'u32' = 'f32'): number[] =>
      [...apply((x) => build.reduce(x, monoid, field, [1]), [nothing], [dtype]).data];
    expect(of('sum', 'value')).toEqual([0, 0]);
    expect(of('prod', 'value')).toEqual([1, 1]);
    expect(of('max', 'value')).toEqual([-Infinity, -Infinity]);
    expect(of('max', 'value', 'i32')).toEqual([-2147483648, -2147483648]);
    expect(of('min', 'value', 'u32')).toEqual([4294967295, 4294967295]);
    expect(of('argmax', 'value')).toEqual([0, 0]);
    expect(of('moments', 'mean')).toEqual([NaN, NaN]);
    expect(of('softmax', 'lse')).toEqual([-Infinity, -Infinity]);
    expect(apply((x) => build.reduce(x, 'sum', 'value', [0]), [nothing])).toEqual(dense([0], []));
  });

  it('wraps integers to 32 bits', () => {
    expect(apply(sum([0]), [dense([2], [2147483647, 1])], ['i32']).data[0]).toBe(-2147483648);
    expect(apply((x) => build.reduce(x, 'prod', 'value', [0]), [dense([3], [65537, 65537, 65537])], ['u32']).data[0]).toBe(196609);
  });

  it('has the gradient that finite differences show over any axes', () => {
    for (const axes of [[], [0], [1], [2], [0, 2], [0, 1, 2]]) checkGradient(sum(axes), [randomDense([2, 3, 2])]);
  });
});

import { describe, expect, it } from 'vitest';
import { build, dense } from '../../../src/graph/index.ts';
import { apply, checkGradient, checkLower, randomDense } from '../../support/check-op.ts';
import { SHAPES } from '../../support/shapes.ts';

describe('select', () => {
  it('takes a where the condition holds, else b', () => {
    const y = apply(build.select, [dense([3], [1, 0, 1]), dense([3], [1, 2, 3]), dense([3], [4, 5, 6])], ['bool', 'f32', 'f32']);
    expect([...y.data]).toEqual([1, 5, 3]);
  });

  it('gives each side the gradient of the elements that it gave', () => {
    checkGradient(build.select, [dense([4], [1, 0, 0, 1]), randomDense([4]), randomDense([4], -1, 1, 2)], { types: ['bool'] });
  });

  it('lowers to its reference', () => {
    for (const shape of SHAPES) {
      const condition = dense(shape, randomDense(shape, 0, 2).data.map(Math.floor));
      checkLower(build.select(build.input(0, shape, 'bool'), build.input(1, shape), build.input(2, shape)), [condition, randomDense(shape), randomDense(shape, 3, 4)]);
    }
  });
});

describe('cast', () => {
  const cast = (from: 'f32' | 'i32' | 'u32' | 'bool', to: 'f32' | 'i32' | 'u32' | 'bool', value: number): number =>
    apply((x) => build.cast(x, to), [dense([], [value])], [from]).data[0];

  it('truncates f32 toward zero and stays in range', () => {
    expect([1.9, -1.9, 1e20, -1e20, NaN].map((x) => cast('f32', 'i32', x))).toEqual([1, -1, 2147483647, -2147483648, 0]);
    expect([1.9, -1.9, 1e20].map((x) => cast('f32', 'u32', x))).toEqual([1, 0, 4294967295]);
  });

  it('makes anything but 0 true', () => {
    expect([0, -0, 0.25, NaN, -3].map((x) => cast('f32', 'bool', x))).toEqual([0, 0, 1, 1, 1]);
    expect(cast('u32', 'bool', 256)).toBe(1);
    expect(cast('bool', 'f32', 1)).toBe(1);
  });

  it('keeps the bits between i32 and u32', () => {
    expect(cast('i32', 'u32', -1)).toBe(4294967295);
    expect(cast('u32', 'i32', 4294967295)).toBe(-1);
    expect(cast('u32', 'f32', 4294967295)).toBe(4294967295);
  });

  it('lowers to its reference', () => {
    for (const shape of SHAPES) for (const to of ['i32', 'u32', 'bool'] as const) checkLower(build.cast(build.input(0, shape), to), [randomDense(shape, -3, 3)]);
  });

  it('stops gradients at integers', () => {
    const y = apply((x) => build.mul(x, build.cast(build.cast(x, 'i32'), 'f32')), [dense([1], [2.5])]);
    expect([...y.data]).toEqual([5]);
    checkGradient((x) => build.mul(x, build.cast(build.cast(x, 'i32'), 'f32')), [dense([2], [2.5, -1.5])]);
  });
});

import { describe, expect, it } from 'vitest';
import type { DType } from '../../../src/base/index.ts';
import { build, dense, grad } from '../../../src/graph/index.ts';
import type { Node } from '../../../src/graph/index.ts';
import { apply, checkGradient, checkLower, expectClose, randomDense } from '../../support/check-op.ts';
import { SHAPES } from '../../support/shapes.ts';

interface Case {
  readonly f: (a: Node, b: Node) => Node;
  readonly values: readonly (readonly [a: number, b: number, y: number])[];
  readonly integers?: readonly (readonly [type: DType, a: number, b: number, y: number])[];
  /** Where the gradients are checked. */
  readonly domains?: readonly [readonly [number, number], readonly [number, number]];
  readonly smooth?: boolean;
  /** Default f32. */
  readonly type?: DType;
}

const BIG = 2147483647;
const ANYWHERE = [[-2, 2], [0.5, 2]] as const;

const cases: Readonly<Record<string, Case>> = {
  add: { f: build.add, values: [[1, 2, 3]], integers: [['i32', BIG, 1, -2147483648], ['u32', 4294967295, 2, 1]], domains: ANYWHERE, smooth: true },
  sub: { f: build.sub, values: [[1, 2, -1]], integers: [['u32', 1, 2, 4294967295]], domains: ANYWHERE, smooth: true },
  mul: { f: build.mul, values: [[3, -2, -6]], integers: [['i32', BIG, BIG, 1], ['u32', 4294967295, 4294967295, 1]], domains: ANYWHERE, smooth: true },
  div: { f: build.div, values: [[1, 4, 0.25], [1, 0, Infinity]], integers: [['i32', -7, 2, -3], ['i32', 5, 0, 0], ['u32', 4294967295, 2, BIG]], domains: ANYWHERE, smooth: true },
  mod: { f: build.mod, values: [[7, 3, 1], [-7, 3, 2], [7, -3, -2], [-6, 3, 0], [5.5, 2, 1.5]], integers: [['i32', -7, 3, 2], ['i32', 5, 0, 0], ['u32', 7, 4, 3]], domains: [[4.1, 4.9], [2.05, 2.2]] },
  pow: { f: build.pow, values: [[2, 3, 8], [0, 0, 1], [-2, 3, -8], [1, NaN, 1]], domains: [[0.5, 2], [-2, 2]], smooth: true },
  minimum: { f: build.minimum, values: [[1, 2, 1], [NaN, 1, NaN], [1, NaN, NaN]], integers: [['i32', -1, 1, -1], ['u32', 4294967295, 1, 1]], domains: [[-2, 2], [-2, 2]] },
  maximum: { f: build.maximum, values: [[1, 2, 2], [NaN, 1, NaN], [1, NaN, NaN]], integers: [['i32', -1, 1, 1]], domains: [[-2, 2], [-2, 2]] },
  lt: { f: build.lt, values: [[1, 2, 1], [2, 2, 0], [NaN, 1, 0]], integers: [['i32', -1, 1, 1], ['u32', 4294967295, 1, 0]] },
  le: { f: build.le, values: [[1, 2, 1], [2, 2, 1], [3, 2, 0], [NaN, 1, 0]] },
  eq: { f: build.eq, values: [[1, 2, 0], [2, 2, 1], [NaN, NaN, 0], [0, -0, 1]], integers: [['bool', 1, 1, 1]] },
  and: { f: build.and, values: [[12, 10, 8]], integers: [['u32', 4294967295, 4294967295, 4294967295], ['bool', 1, 0, 0]], type: 'i32' },
  or: { f: build.or, values: [[12, 10, 14]], integers: [['bool', 1, 0, 1]], type: 'i32' },
  xor: { f: build.xor, values: [[12, 10, 6]], integers: [['u32', 4294967295, 1, 4294967294], ['bool', 1, 1, 0]], type: 'i32' },
  shl: { f: build.shl, values: [[1, 31, 2147483648], [3, 31, 2147483648]], type: 'u32' },
  shr: { f: build.shr, values: [[4294967295, 28, 15], [8, 3, 1]], type: 'u32' },
};

describe.each(Object.entries(cases))('%s', (_, { f, values, integers = [], domains, smooth, type = 'f32' }) => {
  it.each(values)('of %d and %d is %d', (a, b, y) => {
    expectClose(apply(f, [dense([], [a]), dense([], [b])], [type, type]).data[0], y, 14);
  });

  it.each(integers)('on %s: %d and %d is %d', (dtype, a, b, y) => {
    expect(apply(f, [dense([], [a]), dense([], [b])], [dtype, dtype]).data[0]).toBe(y);
  });

  it('lowers to its reference', () => {
    const whole = (shape: readonly number[], seed: number) => dense(shape, randomDense(shape, 0, 9, seed).data.map(Math.floor));
    for (const shape of SHAPES) {
      checkLower(f(build.input(0, shape, type), build.input(1, shape, type)), [whole(shape, 1), whole(shape, 2)]);
      for (const [dtype, a, b] of integers) checkLower(f(build.input(0, [], dtype), build.input(1, [], dtype)), [dense([], [a]), dense([], [b])]);
    }
  });

  if (domains) {
    it('has the gradients that finite differences show', () => {
      checkGradient(f, [randomDense([2, 5], ...domains[0], 3), randomDense([2, 5], ...domains[1], 4)], { order: smooth ? 2 : 1 });
    });
  }
});

describe('binary edges', () => {
  const gradients = (f: Case['f'], a: number, b: number): number[] => {
    const inputs = [dense([], [a]), dense([], [b])];
    return [0, 1].map((which) => apply((x, y) => grad(f(x, y), [x, y])[which], inputs).data[0]);
  };

  it('splits the gradient of a tie in half', () => {
    expect(gradients(build.maximum, 2, 2)).toEqual([0.5, 0.5]);
    expect(gradients(build.minimum, 2, 2)).toEqual([0.5, 0.5]);
    expect(gradients(build.maximum, 1, 2)).toEqual([0, 1]);
    expect(gradients(build.minimum, 1, 2)).toEqual([1, 0]);
  });

  it('gives finite gradients of pow at a base of 0', () => {
    expect(gradients(build.pow, 0, 2)).toEqual([0, 0]);
    expect(gradients(build.pow, 0, 1)).toEqual([1, 0]);
    expect(gradients(build.pow, 0, 0)).toEqual([0, 0]);
    expect(gradients(build.pow, 5, 0)).toEqual([0, Math.log(5)]);
    expect(gradients(build.pow, -2, 3)[0]).toBe(12);
  });

  it('stays finite in the second derivative of a square at 0', () => {
    const second = apply((x) => {
      const square = build.pow(x, build.fullLike(x, 2));
      return grad(grad(square, [x])[0], [x])[0];
    }, [dense([], [0])]);
    expect(second.data[0]).toBe(2);
  });
});

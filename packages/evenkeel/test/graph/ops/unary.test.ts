import { describe, expect, it } from 'vitest';
import type { DType } from '../../../src/base/index.ts';
import { build, dense, grad } from '../../../src/graph/index.ts';
import type { Node } from '../../../src/graph/index.ts';
import { apply, checkGradient, checkLower, expectClose, randomDense } from '../../support/check-op.ts';
import { SHAPES } from '../../support/shapes.ts';

interface Case {
  readonly f: (x: Node) => Node;
  readonly values: readonly (readonly [x: number, y: number])[];
  /** Where the gradient is checked; absent where the derivative is zero or there is none. */
  readonly domain?: readonly [number, number];
  /** Smooth enough for a second derivative. */
  readonly smooth?: boolean;
  readonly type?: DType;
}

const cases: Readonly<Record<string, Case>> = {
  neg: { f: build.neg, values: [[2, -2], [-0.5, 0.5], [Infinity, -Infinity]], domain: [-2, 2], smooth: true },
  abs: { f: build.abs, values: [[-2, 2], [0, 0], [NaN, NaN]], domain: [0.1, 2] },
  sign: { f: build.sign, values: [[-2, -1], [0, 0], [7, 1], [NaN, NaN]] },
  exp: { f: build.exp, values: [[0, 1], [1, Math.E], [-Infinity, 0]], domain: [-2, 2], smooth: true },
  expm1: { f: build.expm1, values: [[0, 0], [1e-12, 1.0000000000005e-12], [1, Math.E - 1]], domain: [-2, 2], smooth: true },
  log: { f: build.log, values: [[1, 0], [Math.E, 1], [0, -Infinity], [-1, NaN]], domain: [0.5, 3], smooth: true },
  log1p: { f: build.log1p, values: [[0, 0], [1e-12, 9.999999999995e-13], [-1, -Infinity]], domain: [-0.5, 3], smooth: true },
  sqrt: { f: build.sqrt, values: [[4, 2], [0, 0], [-1, NaN]], domain: [0.5, 3], smooth: true },
  sin: { f: build.sin, values: [[0, 0], [Math.PI / 2, 1]], domain: [-4, 4], smooth: true },
  cos: { f: build.cos, values: [[0, 1], [Math.PI, -1]], domain: [-4, 4], smooth: true },
  tanh: { f: build.tanh, values: [[0, 0], [100, 1], [0.5, 0.4621171572600097]], domain: [-2, 2], smooth: true },
  sigmoid: { f: build.sigmoid, values: [[0, 0.5], [1000, 1], [-1000, 0], [-1, 0.2689414213699951]], domain: [-4, 4], smooth: true },
  erf: { f: build.erf, values: [[0, 0], [0.5, 0.5204998778130465], [-1, -0.8427007929497149], [3, 0.9999779095030014], [9, 1]], domain: [-2, 2], smooth: true },
  floor: { f: build.floor, values: [[1.5, 1], [-1.5, -2], [3, 3]] },
  ceil: { f: build.ceil, values: [[1.5, 2], [-1.5, -1], [3, 3]] },
  round: { f: build.round, values: [[0.5, 0], [1.5, 2], [2.5, 2], [-0.5, 0], [-1.5, -2], [1.4, 1], [-3, -3], [2.51, 3]] },
  not: { f: build.not, values: [[0, 1], [1, 0]], type: 'bool' },
  relu: { f: build.relu, values: [[2, 2], [-2, 0], [0, 0], [NaN, NaN]], domain: [0.1, 2] },
};

describe.each(Object.entries(cases))('%s', (_, { f, values, domain, smooth, type }) => {
  it.each(values)('of %d is %d', (x, y) => {
    expectClose(apply(f, [dense([], [x])], [type ?? 'f32']).data[0], y, 14);
  });

  it('lowers to its reference', () => {
    for (const shape of SHAPES) checkLower(f(build.input(0, shape, type)), [type === 'bool' ? randomDense(shape, 0, 0) : randomDense(shape, 0.1, 2)]);
  });

  if (domain) {
    it('has the gradient that finite differences show', () => {
      checkGradient(f, [randomDense([3, 4], ...domain)], { order: smooth ? 2 : 1 });
      if (!smooth) checkGradient(f, [randomDense([5], -domain[1], -domain[0])]);
    });
  } else if (type !== 'bool') {
    it('has no gradient', () => {
      expect(apply((x) => gradientOf(f, x), [dense([3], [-1.2, 0, 0.7])]).data).toEqual(new Float64Array(3));
    });
  }
});

describe('unary edges', () => {
  it("takes relu'(0) and abs'(0) as 0", () => {
    for (const f of [build.relu, build.abs]) expect(apply((x) => gradientOf(f, x), [dense([3], [-1, 0, 2])]).data[1]).toBe(0);
    expect([...apply((x) => gradientOf(build.relu, x), [dense([3], [-1, 0, 2])]).data]).toEqual([0, 0, 1]);
  });

  it('keeps the output, not the input, for the gradients of relu, exp, expm1, tanh, sigmoid and sqrt', () => {
    for (const f of [build.relu, build.exp, build.expm1, build.tanh, build.sigmoid, build.sqrt]) {
      const x = build.input(0, [2]);
      const y = f(x);
      const uses = (node: Node): boolean => node === x || (node !== y && node.inputs.some(uses));
      expect(uses(y.op.vjp(y, build.full(1, [2]), build)[0]!), y.op.name).toBe(false);
    }
  });

  it('wraps integers to 32 bits', () => {
    expect(apply(build.abs, [dense([1], [-2147483648])], ['i32']).data[0]).toBe(-2147483648);
    expect(apply(build.neg, [dense([1], [1])], ['u32']).data[0]).toBe(4294967295);
  });
});

function gradientOf(f: (x: Node) => Node, x: Node): Node {
  return grad(build.reduce(f(x), 'sum', 'value', [0]), [x])[0];
}

import { describe, expect, it } from 'vitest';
import { build, dense, evaluate, grad } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';

const total = (y: Node): Node => build.reduce(y, 'sum', 'value', y.shape.map((_, axis) => axis));
const value = (node: Node, ...inputs: (readonly number[])[]): number[] =>
  [...evaluate([node], { input: (slot) => dense([inputs[slot].length], inputs[slot]) })[0].data];

describe('grad', () => {
  it('differentiates a sum of squares', () => {
    const x = build.input(0, [3]);
    const [g] = grad(total(build.mul(x, x)), [x]);
    expect(value(g, [1, 2, 3])).toEqual([2, 4, 6]);
  });

  it('adds the contributions of every path', () => {
    const x = build.input(0, [1]);
    const y = build.add(build.mul(x, x), build.add(x, build.exp(build.mul(x, x))));
    expect(value(grad(total(y), [x])[0], [2])[0]).toBeCloseTo(4 + 1 + 4 * Math.exp(4), 10);
  });

  it('is zeros where there is no path, and only then', () => {
    const [x, other] = [build.input(0, [2]), build.input(1, [2])];
    const [a, b, c] = grad(total(build.relu(x)), [other, x, x]);
    expect(value(a, [1, -1], [5, 5])).toEqual([0, 0]);
    expect(value(b, [1, -1], [5, 5])).toEqual([1, 0]);
    expect(c).toBe(b);
  });

  it('differentiates with respect to a node in the middle, and to y itself', () => {
    const x = build.input(0, [2]);
    const middle = build.exp(x);
    const y = total(build.mul(middle, middle));
    expect(value(grad(y, [middle])[0], [0, 0])).toEqual([2, 2]);
    expect(value(grad(y, [y])[0], [0, 0])).toEqual([1]);
  });

  it('takes a seed for a y that is not one number', () => {
    const x = build.input(0, [2]);
    const [g] = grad(build.mul(x, x), [x], build.input(1, [2]));
    expect(value(g, [1, 2], [10, 100])).toEqual([20, 400]);
  });

  it('differentiates again and again', () => {
    const x = build.input(0, [1]);
    let y = build.reshape(build.pow(x, build.fullLike(x, 4)), []);
    const derivatives = [2, 2, 2, 2].map(() => {
      y = build.reshape(grad(y, [x])[0], []);
      return value(y, [2])[0];
    });
    expect(derivatives).toEqual([32, 48, 48, 24]);
  });

  it('builds the same graph every time', () => {
    const text = (node: Node): string => `${node.op.name}(${node.inputs.map(text).join(',')})`;
    const once = (): string => {
      const x = build.input(0, [2]);
      return text(grad(total(build.mul(build.sin(x), build.tanh(build.add(x, build.mul(x, x))))), [x])[0]);
    };
    expect(once()).toBe(once());
  });

  it('says whose gradient a node is, not where its cotangent comes from', () => {
    const x = { ...build.input(0, [1]), where: 'model.0' };
    const hidden = { ...build.exp(x), where: 'model.1' };
    const loss = { ...total(build.log(hidden)), where: 'model.2' };
    const [gx, gh] = grad(loss, [x, hidden]);
    expect([gh.where, gx.where]).toEqual(['model.1, backward', 'model.1, backward']);
    expect([x.where, hidden.where, loss.where]).toEqual(['model.0', 'model.1', 'model.2']);
    expect(grad(total(gx), [x])[0].where).toMatch(/^model\.\d, backward$/);
  });

  it('agrees with finite differences through a small network with batch normalization', () => {
    const network = (x: Node, w: Node, scale: Node): Node => {
      const h = build.dot(x, w, { batch: 0, contract: 1 });
      const mean = build.expand(build.reduce(h, 'moments', 'mean', [0]), h.shape, [0]);
      const m2 = build.expand(build.reduce(h, 'moments', 'm2', [0]), h.shape, [0]);
      const variance = build.add(build.mul(m2, build.fullLike(m2, 1 / h.shape[0])), build.fullLike(m2, 1e-3));
      const y = build.mul(build.div(build.sub(h, mean), build.sqrt(variance)), build.broadcastTo(scale, h.shape));
      return build.sub(build.tanh(y), build.expand(build.reduce(y, 'softmax', 'lse', [1]), y.shape, [1]));
    };
    checkGradient(network, [randomDense([5, 3], -1, 1, 1), randomDense([3, 4], -1, 1, 2), randomDense([4], 0.5, 1.5, 3)], { order: 2, tolerance: 1e-5 });
  });
});

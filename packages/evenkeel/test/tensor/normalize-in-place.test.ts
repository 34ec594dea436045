import { describe, expect, it } from 'vitest';
import { build, evaluate, grad as gradOf } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';
import { normalizeInPlace, tensor, zeros } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import type { Invertible } from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

const ACTIVATIONS: readonly Invertible[] = ['identity', 'leakyRelu', 'elu'];
const kept = { keepDims: true };
const row = (v: Node): Node => nodes.reshape(v, [1, 3]);

function inPlace(activation: Invertible, mask?: Node): (x: Node, scale: Node, shift: Node) => Node {
  return (x, scale, shift) => {
    const weights = mask ?? nodes.fullLike(x, 1);
    const count = mask ? nodes.sum(mask, 0, kept) : x.shape[0];
    const mean = nodes.div(nodes.sum(nodes.mul(weights, x), 0, kept), count);
    const variance = nodes.div(nodes.sum(nodes.mul(weights, nodes.square(nodes.sub(x, mean))), 0, kept), count);
    return nodes.normalizeInPlace(x, { mean, variance }, { scale: row(scale), shift: row(shift), activation, slope: 0.1, own: { count, mask: mask && nodes.broadcastTo(mask, x.shape) } });
  };
}

describe('normalizeInPlace', () => {
  const inputs = [randomDense([5, 3]), randomDense([3], 0.5, 2, 2), randomDense([3], -1, 1, 3)];

  it('normalizes, scales by the absolute factor and activates', async () => {
    const y = normalizeInPlace(tensor([[1], [3]]), { mean: tensor([[2]]), variance: tensor([[1]]) }, { scale: tensor([[-4]]), epsilon: 1e-12 });
    expect((await y.data()).map((v) => Math.fround(v))).toEqual(Float32Array.of(-0.04, 4));
  });

  it.for(ACTIVATIONS)('has the gradient of finite differences, twice: %s', (activation) => {
    checkGradient(inPlace(activation), inputs, { order: 2 });
  });

  it('has it with a mask and with a negative scale', () => {
    checkGradient(inPlace('elu', build.constant(Float32Array.of(1, 0, 1, 1, 0), [5, 1])), inputs, { order: 2 });
    checkGradient(inPlace('leakyRelu'), [inputs[0], randomDense([3], -2, -0.5, 2), inputs[2]], { order: 2 });
  });

  it('has it by statistics that are constants', () => {
    const by = { mean: build.full(0.3, [1, 3]), variance: build.full(2, [1, 3]) };
    checkGradient((x, scale, shift) => nodes.normalizeInPlace(x, by, { scale: row(scale), shift: row(shift) }), inputs, { order: 2 });
  });

  it('refers to the input nowhere in its gradient but for the statistics', () => {
    const [x, g] = [build.input(0, [5, 3]), build.input(1, [5, 3])];
    const y = nodes.normalizeInPlace(x, { mean: build.full(0, [1, 3]), variance: build.full(1, [1, 3]) }, { own: { count: 5 } });
    const [dx] = gradOf(y, [x], g);
    const without = (node: Node): boolean => node === y || (node !== x && node.inputs.every(without));
    expect(without(dx)).toBe(true);
    expect(evaluate([dx], { input: () => ({ shape: [5, 3], dtype: 'f32', data: new Float64Array(15).fill(1) }) })[0].shape).toEqual([5, 3]);
  });

  it('E224 refuses a scale of another shape', () => {
    expect(faultText(() => normalizeInPlace(zeros([4, 3]), { mean: zeros([1, 3]), variance: zeros([1, 3]) }, { scale: zeros([4, 3]) }))).toEqual([
      'E224 normalizeInPlace: scale must have one value for each one normalized.', 'x [4, 3]   scale [4, 3]', 'Fix: give scale the shape [1, 3]',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { build, evaluate, grad as gradOf } from '../../src/graph/index.ts';
import { batchNormalize, normalize, rmsNormalize, standardize, tensor, zeros } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

describe('batchNormalize', () => {
  it('gives each channel mean 0 and variance 1', async () => {
    const { y, mean, variance } = batchNormalize(tensor([[1, 10], [3, 30]]), 0, { epsilon: 0 });
    expect(await y.array()).toEqual([[-1, -1], [1, 1]]);
    expect([await mean.array(), await variance.array()]).toEqual([[2, 20], [1, 100]]);
  });

  it('scales and shifts', async () => {
    const { y } = batchNormalize(tensor([[1, 10], [3, 30]]), 0, { epsilon: 0, scale: tensor([2, 3]), shift: tensor([0, 1]) });
    expect(await y.array()).toEqual([[-2, -2], [2, 4]]);
  });

  it('has the gradient of finite differences, twice', () => {
    const inputs = [randomDense([4, 2, 3]), randomDense([3], 0.5, 2, 2), randomDense([3], -1, 1, 3)];
    checkGradient((x, scale, shift) => nodes.batchNormalize(x, [0, 1], { scale, shift }).y, inputs, { order: 2 });
    checkGradient((x) => nodes.batchNormalize(x, 0).y, inputs.slice(0, 1), { order: 2 });
  });

  it('has the gradient that the composed formula has', () => {
    const values = [randomDense([5, 3]), randomDense([3], 0.5, 2, 2), randomDense([3], -1, 1, 3), randomDense([5, 3], -1, 1, 4)];
    const [x, scale, shift, weights] = values.map((v, slot) => build.input(slot, v.shape));
    const { mean, variance } = nodes.moments(x, 0);
    const composed = nodes.add(nodes.mul(nodes.div(nodes.sub(x, mean), nodes.sqrt(nodes.add(variance, 1e-5))), scale), shift);
    const own = nodes.batchNormalize(x, 0, { scale, shift }).y;
    const [a, b] = [composed, own].map((y) => evaluate(gradOf(nodes.sum(nodes.mul(y, weights)), [x, scale, shift]), { input: (slot) => values[slot] }));
    a.forEach((g, i) => g.data.forEach((v, at) => expect(b[i].data[at]).toBeCloseTo(v, 10)));
  });

  it('keeps its statistics apart: their gradients are those of moments', () => {
    checkGradient((x) => nodes.batchNormalize(x, 0).variance, [randomDense([4, 2])]);
  });

  it('E224 refuses a scale of another shape', () => {
    expect(faultText(() => batchNormalize(zeros([4, 3]), 0, { scale: zeros([4]) }))).toEqual([
      'E224 batchNormalize: scale must have one value for each one normalized.', 'x [4, 3]   scale [4]', 'Fix: give scale the shape [3]',
    ]);
  });
});

describe('standardize', () => {
  it('normalizes rows, groups and instances', async () => {
    const { y, mean } = standardize(tensor([[1, 3], [10, 30]]), -1, { epsilon: 0 });
    expect(await y.array()).toEqual([[-1, 1], [-1, 1]]);
    expect(mean.shape).toEqual([2, 1]);
  });

  it('has the gradient of finite differences, twice', () => {
    const row = [randomDense([3, 4]), randomDense([4], 0.5, 2, 2), randomDense([4], -1, 1, 3)];
    checkGradient((x, scale, shift) => nodes.standardize(x, 1, { scale, shift }).y, row, { order: 2 });
    checkGradient((x, shift) => nodes.standardize(x, 1, { shift }).y, [row[0], row[2]], { order: 2 });
    const group = [randomDense([2, 2, 2, 2]), randomDense([2, 2], 0.5, 2, 2)];
    checkGradient((x, scale) => nodes.standardize(x, [1, 3], { scale: nodes.reshape(scale, [1, 1, 2, 2]) }).y, group, { order: 2 });
  });
});

describe('normalize and rmsNormalize', () => {
  it('follow their formulas', async () => {
    const y = normalize(tensor([3, 5]), { mean: tensor(1), variance: tensor(4), epsilon: 0 }, { scale: tensor(2), shift: tensor(1) });
    expect(await y.array()).toEqual([3, 5]);
    expect(await rmsNormalize(tensor([3, 4]), 0, { epsilon: 0, scale: tensor([5, 5]) }).array())
      .toEqual([expect.closeTo(15 / Math.sqrt(12.5), 5), expect.closeTo(20 / Math.sqrt(12.5), 5)]);
  });

  it('have gradients', () => {
    checkGradient((x, m, v) => nodes.normalize(x, { mean: m, variance: nodes.exp(v) }), [randomDense([3, 2]), randomDense([2]), randomDense([2])], { order: 2 });
    checkGradient((x, scale) => nodes.rmsNormalize(x, -1, { scale }), [randomDense([3, 4]), randomDense([4])], { order: 2 });
  });
});

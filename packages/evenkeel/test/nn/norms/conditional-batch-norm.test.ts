import { beforeAll, describe, expect, it } from 'vitest';
import { configure, nn, tensor, withMode } from '../../../src/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const labels = tensor(Int32Array.from([1, 0, 1, 2]));
const vectors = sample([4, 5], 3);

const made = (options: nn.ConditionalBatchNormOptions, condition = labels): nn.ConditionalBatchNorm => {
  const layer = nn.conditionalBatchNorm(options);
  layer.forward(sample([4, 3, 2]), { condition });
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('conditionalBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it('begins as batchNorm', async () => {
    const x = sample([4, 3, 2]);
    const plain = nn.batchNorm();
    plain.build([3, 2]);
    const wanted = await outcomeOf(plain, x);
    for (const [options, condition] of [[{ classes: 3 }, labels], [{ features: 5 }, vectors]] as const) {
      const layer = made(options, condition);
      expectOutcome(await outcomeOf(layer, x, (t) => layer.forward(t, { condition })), wanted, 1e-6);
    }
  });

  it('scales and shifts each sample by its label', async () => {
    const x = sample([4, 3, 2]);
    const layer = made({ classes: 3, scale: false, center: false });
    layer.scaleByCondition.write([0, 0, 1, 1, 2, -1]);
    layer.shiftByCondition.write([0, 0, 5, 5, 0, 10]);
    const plain = nn.batchNorm();
    plain.build([3, 2]);
    const { y } = await outcomeOf(plain, x);
    const [factors, offsets] = [[[1, 1], [2, 2], [3, 0]], [[0, 0], [5, 5], [0, 10]]];
    const label = [1, 0, 1, 2];
    const wanted = y.map((value, i) => value * factors[label[Math.floor(i / 6)]][i % 2] + offsets[label[Math.floor(i / 6)]][i % 2]);
    expectOutcome(await outcomeOf(layer, x, (t) => layer.forward(t, { condition: labels })), { y: wanted });
  });
});

describe('conditionalBatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const byLabel = made({ classes: 3, axis: 1 });
    await checkLayerGradient(byLabel, [4, 3, 2], (x) => byLabel.forward(x, { condition: labels }), { tolerance: 1e-5 });
    const byVector = made({ features: 5 }, vectors);
    await checkLayerGradient(byVector, [4, 3, 2], (x) => byVector.forward(x, { condition: vectors }), { tolerance: 1e-5 });
  });

  it('refuses conditions that are missing or do not fit', () => {
    const layer = made({ classes: 3 });
    expect(faultText(() => withMode('train', () => layer.forward(sample([4, 3, 2]))))).toEqual([
      'E317 conditionalBatchNorm: the condition must be i32 [4], one for each sample.', 'input [4, 3, 2]   condition missing', 'in model (conditionalBatchNorm)',
      'Fix: call it with one: layer.forward(x, { condition: labels })']);
    expect(faultText(() => layer.forward(sample([4, 3, 2]), { condition: vectors })).slice(1)).toEqual([
      'input [4, 3, 2]   condition [4, 5]', 'in model (conditionalBatchNorm)', 'Fix: it is f32; reshape or cast it']);
    expect(() => nn.conditionalBatchNorm({})).toThrow('E101 conditionalBatchNorm: classes or features must be given, and not both');
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { concat, configure, nn, withMode } from '../../../src/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const made = (reference = 3): nn.VirtualBatchNorm => {
  const layer = nn.virtualBatchNorm({ reference, epsilon: 1e-5 });
  layer.build([2, 2]);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('virtualBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  const reference = sample([3, 2, 2]);
  const rest = sample([2, 2, 2], 8);

  it('normalizes each sample by the reference and itself', async () => {
    const { y, runningMean } = await outcomeOf(made(), concat([reference, rest]));
    const plain = nn.batchNorm();
    plain.build([2, 2]);
    const alone = await outcomeOf(plain, reference);
    const joined = await Promise.all([0, 1].map(async (n) => (await outcomeOf(plain, concat([reference, rest.slice([n, 0, 0], [n + 1, 2, 2])]))).y.slice(12)));
    expectOutcome({ y, runningMean }, { y: [...alone.y, ...joined.flat()], runningMean: alone.runningMean }, 2e-6);
  });

  it('does not let the samples of a batch see each other', async () => {
    const layer = made();
    const [a, b] = [rest, concat([rest.slice([0, 0, 0], [1, 2, 2]), sample([1, 2, 2], 5)])];
    const ys = await Promise.all([a, b].map(async (x) => (await outcomeOf(layer, concat([reference, x]))).y.slice(0, 16)));
    expect(ys[0]).toEqual(ys[1]);
  });
});

describe('virtualBatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const layer = made(2);
    await checkLayerGradient(layer, [4, 2, 2], (x) => layer.forward(x), { order: 2, tolerance: 1e-5 });
  });

  it('refuses a batch without others, and takes it in evaluation', () => {
    expect(faultText(() => withMode('train', () => made().forward(sample([3, 2, 2]))))).toEqual([
      'E318 virtualBatchNorm: the batch must begin with the reference samples and hold others behind them.', '3 samples   3 of them reference',
      'in model (virtualBatchNorm)', 'Fix: join them at the entrance of the model: model.forward(concat([reference, x]))']);
    expect(made().forward(sample([1, 2, 2])).shape).toEqual([1, 2, 2]);
    const flat = nn.virtualBatchNorm({ reference: 1 });
    flat.build([4]);
    expect(() => withMode('train', () => flat.forward(sample([3, 4])))).toThrow('E319 virtualBatchNorm: the reference must hold more than one value per channel');
  });
});

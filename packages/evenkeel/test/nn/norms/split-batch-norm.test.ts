import { beforeAll, describe, expect, it } from 'vitest';
import { concat, configure, nn, withMode } from '../../../src/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const made = (options?: nn.SplitBatchNormOptions): nn.SplitBatchNorm => {
  const layer = nn.splitBatchNorm(options);
  layer.build([3]);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('splitBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it('sends each part through a layer of its own', async () => {
    const x = sample([6, 3]);
    const got = await outcomeOf(made(), x);
    const plain = [nn.batchNorm(), nn.batchNorm()];
    plain.forEach((layer) => layer.build([3]));
    const parts = await Promise.all(plain.map((layer, i) => outcomeOf(layer, x.slice([3 * i, 0], [3 * i + 3, 3]))));
    const { runningMean, runningVariance } = parts[0];
    expectOutcome(got, {
      y: [...parts[0].y, ...parts[1].y], runningMean, runningVariance,
      'auxiliary.0.runningMean': parts[1].runningMean, 'auxiliary.0.runningVariance': parts[1].runningVariance,
    }, 1e-6);
  });

  it('is one layer in evaluation', async () => {
    const layer = made();
    await outcomeOf(layer, sample([6, 3]));
    const x = sample([3, 3], 4);
    const plain = nn.batchNorm();
    plain.build([3]);
    plain.runningMean.write(await layer.runningMean.read());
    plain.runningVariance.write(await layer.runningVariance.read());
    expectOutcome({ y: [...await layer.forward(x).data()] }, { y: [...await plain.forward(x).data()] }, 1e-6);
  });

  it('is batchNorm without further parts', async () => {
    const plain = nn.batchNorm();
    plain.build([3]);
    expectOutcome(await outcomeOf(made({ splits: 1 }), sample([4, 3])), await outcomeOf(plain, sample([4, 3])), 1e-6);
  });
});

describe('splitBatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const layer = made({ splits: 3 });
    expect([...layer.namedParams().keys()]).toHaveLength(6);
    await checkLayerGradient(layer, [6, 3], (x) => layer.forward(x), { tolerance: 1e-5 });
  });

  it('takes masks part by part', async () => {
    const layer = nn.splitBatchNorm();
    layer.build([2, 3]);
    const mask = sample([4, 2], 9).gt(-1);
    const { y } = await outcomeOf(layer, sample([4, 2, 3]), (x) => layer.forward(x, { mask }));
    const plain = nn.batchNorm();
    plain.build([2, 3]);
    const part = (t: typeof mask, from: number) => t.slice(t.shape.map((_, i) => (i === 0 ? from : 0)), t.shape.with(0, from + 2));
    const wanted = await outcomeOf(plain, sample([4, 2, 3]), (x) => concat([0, 2].map((from) => plain.forward(part(x, from), { mask: part(mask, from) }))));
    expectOutcome({ y }, { y: wanted.y }, 1e-6);
  });

  it('refuses batches that do not split', () => {
    expect(faultText(() => withMode('train', () => made().forward(sample([5, 3]))))).toEqual([
      'E316 splitBatchNorm: splits must divide the samples.', '5 samples   splits 2', 'in model',
      'Fix: splits: 1 divides 5; leave out a last batch of other size with { dropLast: true }']);
  });
});

import { describe, expect, it } from 'vitest';
import { concat, configure, nn, withMode } from '../../../src/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const built = <L extends nn.Module>(layer: L, shape: readonly number[]): L => {
  layer.build(shape);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('ghostBatchNorm, %s', (backend) => {
  it('with one group is batchNorm', async () => {
    await configure({ backend });
    for (const running of ['merged', 'mean', 'sequential'] as const) {
      const x = sample([4, 3, 5]);
      const ghost = await outcomeOf(built(nn.ghostBatchNorm({ virtualBatchSize: 4, running }), [3, 5]), x);
      expectOutcome(ghost, await outcomeOf(built(nn.batchNorm(), [3, 5]), x), 1e-6);
    }
  });

  it('normalizes each group by itself, and follows the whole batch', async () => {
    await configure({ backend });
    const x = sample([6, 3, 2]);
    const got = await outcomeOf(built(nn.ghostBatchNorm({ virtualBatchSize: 2 }), [3, 2]), x);
    const plain = built(nn.batchNorm(), [3, 2]);
    const groups = [0, 2, 4].map((from) => x.slice([from, 0, 0], [from + 2, 3, 2]));
    const separate = await outcomeOf(plain, x, () => concat(groups.map((group) => nn.withoutUpdates(() => plain.forward(group)))));
    expectOutcome({ y: got.y }, { y: separate.y }, 1e-6);
    const { runningMean, runningVariance } = await outcomeOf(built(nn.batchNorm(), [3, 2]), x);
    expectOutcome(got, { runningMean, runningVariance }, 1e-6);
  });

  it('heeds masks', async () => {
    await configure({ backend });
    const x = sample([4, 3, 2]);
    const mask = sample([4, 3], 9).gt(-0.5);
    for (const order of ['contiguous', 'interleaved'] as const) {
      const layer = built(nn.ghostBatchNorm({ virtualBatchSize: 4, order }), [3, 2]);
      const plain = built(nn.batchNorm(), [3, 2]);
      expectOutcome(await outcomeOf(layer, x, (t) => layer.forward(t, { mask })), await outcomeOf(plain, x, (t) => plain.forward(t, { mask })), 1e-6);
    }
  });
});

describe('ghostBatchNorm', () => {
  it.for(['contiguous', 'interleaved'] as const)('has the gradients of finite differences, %s', async (order) => {
    const layer = built(nn.ghostBatchNorm({ virtualBatchSize: 2, order, axis: 1 }), [2, 3]);
    await checkLayerGradient(layer, [4, 2, 3], (x) => layer.forward(x), { order: 2, tolerance: 1e-5 });
  });

  it('refuses batches that it does not divide, and groups of one value', () => {
    const layer = nn.sequential({ input: [3] }, nn.ghostBatchNorm({ virtualBatchSize: 4 }));
    expect(faultText(() => withMode('train', () => layer.forward(sample([6, 3]))))).toEqual([
      'E316 ghostBatchNorm: virtualBatchSize must divide the samples.', '6 samples   virtualBatchSize 4', 'in model.0 (ghostBatchNorm)',
      'Fix: virtualBatchSize: 3 divides 6; leave out a last batch of other size with { dropLast: true }']);
    const single = built(nn.ghostBatchNorm({ virtualBatchSize: 1 }), [3]);
    expect(faultText(() => withMode('train', () => single.forward(sample([2, 3]))))).toEqual([
      'E319 ghostBatchNorm: a ghost batch must hold more than one value per channel.', 'input [2, 3] leaves one: its variance is 0',
      'in model (ghostBatchNorm)', 'Fix: use a larger virtualBatchSize']);
    expect(() => nn.ghostBatchNorm({ virtualBatchSize: 0 })).toThrow('E101 ghostBatchNorm: virtualBatchSize must be a whole number from 1');
    expect(() => nn.ghostBatchNorm({ virtualBatchSize: 2, order: 'mixed' as never })).toThrow('E101 ghostBatchNorm: there is no order "mixed"');
  });

  it('takes any batch in evaluation', () => {
    expect(built(nn.ghostBatchNorm({ virtualBatchSize: 4 }), [3]).forward(sample([6, 3])).shape).toEqual([6, 3]);
  });
});

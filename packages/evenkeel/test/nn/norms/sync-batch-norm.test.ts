import { beforeAll, describe, expect, it } from 'vitest';
import { concat, configure, nn, tensor, Statistics } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';
import { overShards } from '../../support/shards.ts';

const REST = [3, 2];

const made = (layer: nn.Normalization, shape: readonly number[]): nn.Normalization => {
  layer.build(shape);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('syncBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.for([[[3, 3]], [[2, 2, 2]], [[5, 1]], [[1, 4, 1]], [[4, 0, 2]], [[0, 6]]] as const)('over shards of %o is batchNorm of all', async ([sizes]) => {
    const x = sample([6, ...REST]);
    const whole = await outcomeOf(made(nn.batchNorm(), REST), x);
    const layer = made(nn.syncBatchNorm(), [6, ...REST]);
    const got = await outcomeOf(layer, x, (t) => overShards(t, sizes, (shards, mask) => layer.forward(shards, { mask })));
    expectOutcome(got, whole, 2e-6);
  });

  it('keeps its digits far from zero', async () => {
    const x = sample([8, 3]).add(1e4);
    const got = await outcomeOf(made(nn.syncBatchNorm(), [4, 3]), x.reshape([2, 4, 3]));
    const { runningMean, runningVariance, y } = await outcomeOf(made(nn.batchNorm(), [3]), x);
    expectOutcome(got, { runningMean, runningVariance }, 1e-6);
    // The mean itself is an f32, good to 5e-4 here.
    expectOutcome(got, { y }, 1e-3);
  });

  it('adds what a collective of other processes brings', async () => {
    const [mine, theirs] = [sample([4, 3]), sample([2, 3], 2)];
    const other = Statistics.of(theirs, 0).reshape([3]);
    let call = 0;
    const all = Statistics.of(concat([mine, theirs]), 0).reshape([3]);
    const about = (apart: Tensor): Tensor => concat([apart.mul(2), other.m2.add(apart.square().mul(2))]);
    const collective: nn.Collective = {
      shardAxes: 0,
      // What the other process sends: its count and sum, then its moments about the mean of all, which both know by then.
      allReduceSum: (values) => values.add(call++ % 2 === 0 ? concat([tensor([2]), other.mean.mul(2)]) : about(other.mean.sub(all.mean))),
    };
    const layer = made(nn.syncBatchNorm({ collective }), [3]);
    const got = await outcomeOf(layer, mine);
    const plain = made(nn.batchNorm(), [3]);
    const whole = await outcomeOf(plain, mine, (x) => plain.forward(concat([x, theirs])).slice([0, 0], [4, 3]));
    expectOutcome(got, { y: whole.y, runningMean: whole.runningMean, runningVariance: whole.runningVariance }, 2e-6);
  });
});

describe('syncBatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const layer = made(nn.syncBatchNorm(), [3, 2]);
    const mask = tensor([[1, 1, 1], [1, 0, 0]], [2, 3]);
    await checkLayerGradient(layer, [2, 3, 2], (x) => layer.forward(x), { order: 2, tolerance: 1e-5 });
    await checkLayerGradient(layer, [2, 3, 2], (x) => layer.forward(x, { mask }), { tolerance: 1e-5 });
  });

  it('ignores shards in evaluation', () => {
    expect(made(nn.syncBatchNorm(), [3]).forward(sample([1, 3])).shape).toEqual([1, 3]);
  });
});

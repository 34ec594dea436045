import { beforeAll, describe, expect, it } from 'vitest';
import { configure, nn, Param, tensor } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

interface Case { readonly make: (options?: nn.NormalizationOptions) => nn.Normalization; readonly call?: object }

const weight = new Param({ shape: [2, 4], name: 'weight', data: [1, 2, 3, 4, 5, 6, 7, 8] });
const family: Readonly<Record<string, Case>> = {
  batchNorm: { make: nn.batchNorm },
  accumulatedBatchNorm: { make: (options) => nn.accumulatedBatchNorm({ ...options, microBatches: 1 }) },
  batchRenorm: { make: nn.batchRenorm },
  conditionalBatchNorm: { make: (options) => nn.conditionalBatchNorm({ ...options, classes: 2 }), call: { condition: tensor(Int32Array.from([0, 1, 1, 0, 1, 0])) } },
  crossIterationBatchNorm: { make: (options) => nn.crossIterationBatchNorm({ ...options, weight: () => weight }) },
  decorrelatedBatchNorm: { make: (options) => nn.decorrelatedBatchNorm({ ...options, groupSize: 2 }) },
  domainBatchNorm: { make: (options) => nn.domainBatchNorm({ ...options, domains: ['a', 'b'] }), call: { domain: tensor(Int32Array.from([0, 1, 1, 0, 1, 0])) } },
  ghostBatchNorm: { make: (options) => nn.ghostBatchNorm({ ...options, virtualBatchSize: 3 }) },
  l1BatchNorm: { make: nn.l1BatchNorm },
  movingAverageBatchNorm: { make: nn.movingAverageBatchNorm },
  splitBatchNorm: { make: nn.splitBatchNorm },
  syncBatchNorm: { make: nn.syncBatchNorm },
  virtualBatchNorm: { make: (options) => nn.virtualBatchNorm({ ...options, reference: 3 }) },
};

const shape = [6, 3, 4];
const forwardOf = (layer: nn.Normalization, { call = {} }: Case) => (x: Tensor): Tensor => layer.forward(x, call);
const made = (of: Case, options?: nn.NormalizationOptions): nn.Normalization => {
  const layer = of.make(options);
  forwardOf(layer, of)(sample(shape));
  return layer;
};
const state = async (layer: nn.Module): Promise<number[][]> => Promise.all([...layer.buffers(), ...layer.params()].map(async (ref) => [...await ref.read()]));

describe.for(Object.entries(family))('%s', ([, of]) => {
  beforeAll(() => configure({ backend: 'wasm' }));

  it('moves what it remembers in training', async () => {
    const layer = made(of);
    const before = await state(layer);
    await outcomeOf(layer, sample(shape), forwardOf(layer, of));
    expect(await state(layer)).not.toEqual(before);
  });

  it('is the same when a training step is the first to call it as when it was built before', async () => {
    const [layer, built] = [of.make(), made(of)];
    expectOutcome(await outcomeOf(layer, sample(shape), forwardOf(layer, of)), await outcomeOf(built, sample(shape), forwardOf(built, of)), 0);
  });

  it('does not move by one bit while frozen, told not to, or computed again', async () => {
    const calls: readonly (readonly [nn.Normalization, (x: Tensor, forward: (x: Tensor) => Tensor) => Tensor])[] = [
      [made(of).freeze(), (x, forward) => forward(x)],
      [made(of, { update: false }), (x, forward) => forward(x)],
      [made(of), (x, forward) => nn.withoutUpdates(() => forward(x))],
    ];
    for (const [layer, call] of calls) {
      const before = await state(layer);
      for (let i = 0; i < 3; i++) await outcomeOf(layer, sample(shape, i), (x) => call(x, forwardOf(layer, of)));
      expect(await state(layer)).toEqual(before);
    }
  });

  it('keeps what it remembers finite', async () => {
    const layer = made(of);
    await outcomeOf(layer, sample(shape).div(0), forwardOf(layer, of));
    expect((await state(layer)).flat().every(Number.isFinite)).toBe(true);
  });

  it('applies its activation, and gives the same on wasm as on the oracle', async () => {
    const run = async (backend: 'oracle' | 'wasm') => {
      await configure({ backend });
      const layer = made(of, { activation: 'tanh' });
      return outcomeOf(layer, sample(shape), forwardOf(layer, of));
    };
    const [wanted, got] = [await run('oracle'), await run('wasm')];
    expectOutcome(got, wanted, 5e-6);
    expect(Math.max(...wanted.y.map(Math.abs))).toBeLessThan(1);
  });
});

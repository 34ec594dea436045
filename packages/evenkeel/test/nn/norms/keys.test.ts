/** Running statistics by key: two keys in turn are two layers, each with its own data. */
import { beforeAll, describe, expect, it } from 'vitest';
import { configure, nn, Param, tensor, withMode } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';
import type { Outcome } from '../../support/norm-outcome.ts';

interface Case { readonly make: (options: nn.NormalizationOptions) => nn.Normalization; readonly call?: object }

const weight = new Param({ shape: [4, 4], name: 'weight', data: Array.from({ length: 16 }, (_, i) => Math.sin(i * i)) });
const family: Readonly<Record<string, Case>> = {
  batchNorm: { make: nn.batchNorm },
  'batchNorm, debiased': { make: (options) => nn.batchNorm({ ...options, debias: true }) },
  'batchNorm, cumulative': { make: (options) => nn.batchNorm({ ...options, average: 'cumulative' }) },
  accumulatedBatchNorm: { make: (options) => nn.accumulatedBatchNorm({ ...options, microBatches: 2 }) },
  batchRenorm: { make: (options) => nn.batchRenorm({ ...options, limits: (steps) => ({ rMax: steps.add(1), dMax: steps }), renormDecay: 0.8 }) },
  conditionalBatchNorm: { make: (options) => nn.conditionalBatchNorm({ ...options, classes: 2 }), call: { condition: tensor(Int32Array.from([0, 1, 1, 0, 1, 0])) } },
  crossIterationBatchNorm: { make: (options) => nn.crossIterationBatchNorm({ ...options, weight: () => weight, window: 3 }) },
  decorrelatedBatchNorm: { make: (options) => nn.decorrelatedBatchNorm({ ...options, groupSize: 2 }) },
  evoNormB0: { make: nn.evoNormB0 },
  ghostBatchNorm: { make: (options) => nn.ghostBatchNorm({ ...options, virtualBatchSize: 3 }) },
  'ghostBatchNorm, one group after the other': { make: (options) => nn.ghostBatchNorm({ ...options, virtualBatchSize: 3, running: 'sequential' }) },
  inPlaceBatchNorm: { make: ({ activation: _, ...options }) => nn.inPlaceBatchNorm(options) },
  'instanceNorm, tracked': { make: (options) => nn.instanceNorm({ ...options, running: true }) },
  l1BatchNorm: { make: nn.l1BatchNorm },
  movingAverageBatchNorm: { make: (options) => nn.movingAverageBatchNorm({ ...options, buffer: 2, warmup: 0, correctAfter: 0 }) },
  splitBatchNorm: { make: nn.splitBatchNorm },
  switchableNorm: { make: nn.switchableNorm },
  syncBatchNorm: { make: nn.syncBatchNorm },
  virtualBatchNorm: { make: (options) => nn.virtualBatchNorm({ ...options, reference: 3 }) },
};

const shape = [6, 3, 4];
const keys = ['real', 'fake'] as const;
const dataOf = (key: string, round: number): Tensor => sample(shape, round + 1).mul(key === 'real' ? 1 : 3).add(key === 'real' ? 0 : 2);

/** The outcome with the buffers of one key alone, under the names they have without keys. */
function only(key: string, all: Outcome): Outcome {
  const isOf = (other: string) => (name: string): boolean => name.split('.').includes(other);
  if (key === keys[0]) return Object.fromEntries(Object.entries(all).filter(([name]) => !isOf(keys[1])(name)));
  return { ...all, ...Object.fromEntries(Object.entries(all).filter(([name]) => isOf(key)(name)).map(([name, values]) => [name.replace(`${key}.`, ''), values])) };
}

beforeAll(() => configure({ backend: 'wasm' }));

describe.for(Object.entries(family))('%s', ([, { make, call }]) => {
  const forward = (layer: nn.Normalization, key?: string) => (x: Tensor): Tensor => layer.forward(x.matmul(weight), { ...call, key });

  it('trains and evaluates by each key as a layer of its own', async () => {
    const together = make({ keys });
    const apart = { real: make({}), fake: make({}) };
    for (let round = 0; round < 5; round++) {
      for (const key of keys) {
        weight.write(Array.from({ length: 16 }, (_, i) => Math.sin(i * i + 0.1 * round)));
        expectOutcome(only(key, await outcomeOf(together, dataOf(key, round), forward(together, key))), await outcomeOf(apart[key], dataOf(key, round), forward(apart[key])), 1e-6);
      }
    }
    for (const key of keys) {
      const wanted = await forward(apart[key])(dataOf(key, 9)).data();
      expect(await forward(together, key)(dataOf(key, 9)).data()).toEqual(wanted);
      expect(await nn.withStatisticsKey(key, () => forward(together)(dataOf(key, 9))).data()).toEqual(wanted);
    }
    expect(await apart.fake.runningVariance.read()).not.toEqual(await apart.real.runningVariance.read());
  });

  it('E314: refuses a key that it was not made with', () => {
    for (const [options, text] of [[{ keys }, 'it has real, fake'], [{}, 'it has no keys']] as const) {
      const layer = make(options);
      expect(() => withMode('train', () => forward(layer, 'drawn')(dataOf('real', 0)))).toThrow(new RegExp(`E314 \\w+: the layer keeps no running statistics for "drawn"[^]*${text}`));
    }
  });
});

it('frozenBatchNorm is the identity for every key, until one is loaded', async () => {
  const layer = nn.frozenBatchNorm({ keys, epsilon: 0.1 });
  const x = sample(shape);
  const offsets = async (key: string): Promise<number[]> => [...await x.sub(layer.forward(x, { key })).data()];
  for (const key of keys) for (const offset of await offsets(key)) expect(offset).toBeCloseTo(0, 6);
  layer.running('fake').mean.write([1, 2, 3, 4]);
  (await offsets('fake')).forEach((offset, i) => expect(offset).toBeCloseTo(1 + (i % 4), 6));
});

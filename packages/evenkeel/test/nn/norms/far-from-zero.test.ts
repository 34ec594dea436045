/** Where the mean is ten thousand times the deviation: every layer that takes a variance has it to 1e-5 on wasm, whatever the sizes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, nn, Param, shutdown, tensor } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { ChannelStatistics, Statistics } from '../../../src/tensor/index.ts';
import { randomValues } from '../../support/check-op.ts';

const TOLERANCE = 1e-5;
const SHAPE = [16, 4, 8, 4];
const plain = { scale: false, center: false, epsilon: 0 } as const;
const batch = { ...plain, decay: 0, estimator: 'population' } as const;
const labels = tensor(Int32Array.from({ length: SHAPE[0] }, (_, i) => i % 2));
const weight = new Param({ shape: [2, 4], name: 'weight', data: [1, 2, 3, 4, 5, 6, 7, 8] });

/**
 * A layer, how it is called, and which values of its output it moved by one mean: the positions of a channel of a sample, the channels
 * of a position, or (dividing alone) none.
 */
interface Case {
  readonly make: () => nn.Module;
  readonly call?: (layer: never, x: Tensor) => Tensor;
  readonly shared?: 'positions' | 'channels' | 'nothing';
  /** Values of parameters by name. */
  readonly params?: Readonly<Record<string, readonly number[]>>;
}

const CASES: Readonly<Record<string, Case>> = {
  batchNorm: { make: () => nn.batchNorm(batch) },
  'batchNorm with a mask': { make: () => nn.batchNorm(batch), call: (layer: nn.BatchNorm, x) => layer.forward(x, { mask: labels.reshape([16, 1, 1]) }) },
  'batchNorm, channels first': { make: () => nn.batchNorm({ ...batch, axis: 1 }), call: (layer: nn.BatchNorm, x) => layer.forward(x.transpose([0, 3, 1, 2])).transpose([0, 2, 3, 1]) },
  accumulatedBatchNorm: { make: () => nn.accumulatedBatchNorm({ ...batch, microBatches: 1 }) },
  batchRenorm: { make: () => nn.batchRenorm({ ...batch, epsilon: 1e-5 }) },
  conditionalBatchNorm: { make: () => nn.conditionalBatchNorm({ ...batch, scale: true, center: true, classes: 2 }), call: (layer: nn.ConditionalBatchNorm, x) => layer.forward(x, { condition: labels }) },
  crossIterationBatchNorm: { make: () => nn.crossIterationBatchNorm({ ...batch, weight: () => weight }) },
  decorrelatedBatchNorm: { make: () => nn.decorrelatedBatchNorm({ ...batch, groupSize: 1 }) },
  domainBatchNorm: { make: () => nn.domainBatchNorm({ ...batch, domains: ['a', 'b'] }), call: (layer: nn.DomainBatchNorm, x) => layer.forward(x, { domain: labels }) },
  'ghostBatchNorm, contiguous': { make: () => nn.ghostBatchNorm({ ...batch, virtualBatchSize: 4 }) },
  'ghostBatchNorm, interleaved': { make: () => nn.ghostBatchNorm({ ...batch, virtualBatchSize: 4, order: 'interleaved' }) },
  inPlaceBatchNorm: { make: () => nn.inPlaceBatchNorm({ ...batch, epsilon: 1e-5, activation: 'identity' }) },
  l1BatchNorm: { make: () => nn.l1BatchNorm(batch) },
  splitBatchNorm: { make: () => nn.splitBatchNorm(batch) },
  syncBatchNorm: { make: () => nn.syncBatchNorm(batch) },
  'switchableNorm, all alike': { make: () => nn.switchableNorm(batch) },
  ...Object.fromEntries(['instance', 'layer', 'batch'].map((name, kind) => {
    const share = [0, 1, 2].map((k) => (k === kind ? 200 : 0));
    return [`switchableNorm, ${name} alone`, { make: () => nn.switchableNorm(batch), params: { meanWeights: share, varianceWeights: share } }];
  })),
  virtualBatchNorm: { make: () => nn.virtualBatchNorm({ ...batch, reference: 4 }) },
  evoNormB0: { make: () => nn.evoNormB0(batch), shared: 'nothing', params: { gate: [0, 0, 0, 0] } },
  layerNorm: { make: () => nn.layerNorm(plain), shared: 'channels' },
  'layerNorm of whole samples': { make: () => nn.layerNorm({ ...plain, axes: [1, 2, 3] }) },
  'layerNorm over positions': { make: () => nn.layerNorm({ ...plain, axes: [1, 2] }) },
  'groupNorm, 1 group': { make: () => nn.groupNorm({ ...plain, groups: 1 }) },
  'groupNorm, 2 groups': { make: () => nn.groupNorm({ ...plain, groups: 2 }) },
  instanceNorm: { make: () => nn.instanceNorm(plain) },
  'instanceNorm with running statistics': { make: () => nn.instanceNorm({ ...batch, running: true }) },
  adaptiveInstanceNorm: { make: () => nn.adaptiveInstanceNorm({ epsilon: 0 }), call: (layer: nn.AdaptiveInstanceNorm, x) => layer.forward(x, x.sub(x.mean()).mul(2)) },
  evoNormS0: { make: () => nn.evoNormS0({ ...plain, groups: 2 }), shared: 'nothing' },
  queryKeyNorm: { make: () => nn.queryKeyNorm({ norm: 'layer' }), shared: 'channels', call: (layer: nn.QueryKeyNorm, x) => layer.forward(x, x).key },
};

/** Every value of a training step and of what the layer remembers after it. */
async function trained(backend: 'wasm' | 'oracle', { make, call, params = {} }: Case, x: Float32Array): Promise<{ readonly y: ArrayLike<number>; readonly variance: ArrayLike<number> }> {
  await configure({ backend });
  const layer = make();
  const forward = (input: Tensor): Tensor => (call ? call(layer as never, input) : (layer as nn.Model).forward(input));
  forward(tensor(x, SHAPE));
  const named = layer.namedParams();
  for (const [name, values] of Object.entries(params)) named.get(name)!.write(values);
  const step = compile('far', ({ x: input }) => ({ y: forward(input) }));
  const y = await (await step({ x: { data: x, shape: SHAPE } })).y.data();
  step.dispose();
  return { y, variance: layer instanceof nn.Normalization ? await layer.runningVariance.read() : [] };
}

/** The variance of every set of values that was moved by one mean. */
function variances(y: ArrayLike<number>, shared: 'positions' | 'channels'): Float64Array {
  const each = shared === 'channels' ? 1 : SHAPE[1] * SHAPE[2];
  const all = Array.from(y);
  const [sets, axis] = [Array.from({ length: all.length / (each * 4) }, (_, i) => all.slice(i * each * 4, (i + 1) * each * 4)), each === 1 ? 0 : 1];
  return Float64Array.from(sets.flatMap((set) => [...ChannelStatistics.of(set, [each, 4], axis).variance()]));
}

function expectRatios(got: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  expect(got.length).toBe(wanted.length);
  const worst = Math.max(...Array.from(wanted, (value, i) => Math.abs(got[i] / value - 1)));
  expect(worst, what).toBeLessThanOrEqual(TOLERANCE);
}

afterAll(() => shutdown());

describe.each([100, 1e4])('values around %d', (offset) => {
  const x = Float32Array.from(randomValues(2048, -Math.sqrt(3), Math.sqrt(3), 5), (v) => v + offset);

  it.each(Object.entries(CASES))('%s', async (_, of) => {
    const wanted = await trained('oracle', of, x);
    const got = await trained('wasm', of, x);
    const shared = of.shared ?? 'positions';
    // An f32 mean is off by offset * 2^-24, which moves values that share it alike: their variance must not notice.
    const [a, b] = shared === 'nothing' ? [got.y, wanted.y] : [variances(got.y, shared), variances(wanted.y, shared)];
    expectRatios(a, b, 'of the output');
    expectRatios(got.variance, wanted.variance, 'running');
  });
});

describe('statistics of sizes that fill no vector, and of very few and very many channels', () => {
  beforeAll(() => configure({ backend: 'wasm' }));

  const sizes = [[2, 1], [7, 1], [33, 1], [1025, 1], [5, 3], [129, 5], [67, 17], [3, 2048], [67, 2048]] as const;

  it.each([0, 100, 1e4].flatMap((offset) => sizes.map(([values, channels]) => [offset, values, channels] as const)))('around %d: %i values of %i channels', async (offset, values, channels) => {
    const size = values * channels;
    const data = Float32Array.from(randomValues(size, -Math.sqrt(3), Math.sqrt(3), values), (v) => v + offset);
    // Channels last, channels first, and the one walk that both have in the middle.
    for (const [shape, axis] of [[[values, channels], 1], [[channels, values], 0], [[1, channels, values], 1]] as const) {
      const exact = ChannelStatistics.of(data, shape, axis);
      const step = compile('sizes', ({ x }) => {
        const { mean, variance } = Statistics.of(x, shape.map((_, i) => i).filter((i) => i !== axis));
        return { mean: mean.reshape([channels]), variance: variance.reshape([channels]) };
      });
      const got: Readonly<Record<string, number | Tensor>> = await step({ x: { data, shape } });
      const [m, v] = await Promise.all([got.mean, got.variance].map(async (t) => (typeof t === 'number' ? [t] : t.data())));
      step.dispose();
      expectRatios(v, exact.variance(), 'variance');
      // Half a unit in the last place of the mean, and the rounding of the sum about it.
      exact.mean.forEach((value, c) => expect(Math.abs(m[c] - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -24 + 4e-7));
    }
  });
});

/** What holds between samples, and between layers, for the whole family. The per-sample family's swap probe is in per-sample.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat, configure, nn, Param, tensor, withMode } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import * as norms from '../../../src/nn/norms/index.ts';
import { catalogue } from '../../support/norm-catalogue.ts';
import type { Entry } from '../../support/norm-catalogue.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

type Forward = (x: Tensor, of: readonly number[]) => Tensor;

const SAMPLES = 6;
const all = Array.from({ length: SAMPLES }, (_, i) => i);
const shapeOf = (name: string): number[] => ({ batchNorm1d: [SAMPLES, 3, 4], batchNorm3d: [SAMPLES, 2, 3, 2, 4] })[name] ?? [SAMPLES, 3, 5, 4];
const pick = (t: Tensor, of: readonly number[]): Tensor => concat(of.map((i) => t.slice([i], [i + 1])), 0);
const entries: readonly (readonly [string, Entry])[] = [...Object.entries(catalogue.batch), ...Object.entries(catalogue.sample)];

/** A layer that was trained for a step, called with samples `of` a batch of which each has its own label, domain or companion. */
async function built(name: string, entry: Entry): Promise<Forward> {
  const layer = (Reflect.get(norms, name) as (options?: object) => nn.Module)(entry.options);
  const x = sample(shapeOf(name));
  const given = entry.call?.(x) ?? (name === 'domainBatchNorm' ? { domain: tensor(Int32Array.from(all, (i) => i % 2)) } : {});
  const companion = entry.companion?.(x);
  const run: Forward = (t, of) => {
    const beside = companion ? [pick(companion, of)] : [Object.fromEntries(Object.entries(given).map(([key, value]) => [key, pick(value as Tensor, of)]))];
    const y = (Reflect.get(layer, 'forward') as (...inputs: unknown[]) => unknown)(t, ...beside);
    return entry.output ? entry.output(y as never) : y as Tensor;
  };
  run(x, all);
  await withMode('train', () => run(x, all)).data();
  layer.params().forEach((param, i) => param.write(Float32Array.from({ length: param.size }, (_, k) => 0.7 + 0.4 * Math.sin(2 * i + k))));
  return run;
}

afterAll(() => configure({ backend: 'wasm' }));

describe.for(['wasm', 'oracle'] as const)('samples, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.each(Object.entries(catalogue.batch))('%s evaluates a sample the same to the last bit, whatever stands beside it, anywhere', async (name, entry) => {
    const run = await built(name, entry);
    const own = sample(shapeOf(name), 3).slice([2], [3]);
    const beside = async (at: number, seed: number): Promise<ArrayLike<number>> => {
      const others = sample(shapeOf(name), seed).mul(seed);
      const order = all.map((i) => (i === at ? 2 : i === 2 ? at : i));
      const y = run(concat([others.slice([0], [at]), own, others.slice([at + 1])].filter((part) => part.shape[0] > 0), 0), order);
      return y.slice([at], [at + 1]).data();
    };
    const wanted = await beside(2, 4);
    for (const [at, seed] of [[2, 7], [0, 5], [5, 100]]) expect(await beside(at, seed)).toEqual(wanted);
  });

  it.each(entries)('%s gives samples in another order in that order', async (name, entry) => {
    const run = await built(name, entry);
    const x = sample(shapeOf(name), 3);
    // Who is in a group with whom, which layer a part goes to, and which samples are the reference, is by position.
    const order = { ghostBatchNorm: [5, 3, 4, 1, 0, 2], splitBatchNorm: [2, 0, 1, 5, 3, 4], virtualBatchNorm: [1, 0, 4, 5, 2, 3] }[name] ?? [3, 5, 0, 4, 1, 2];
    // Partial sums of f32 in another order.
    const digits = backend === 'oracle' ? 6 : 5;
    for (const mode of ['train', 'eval'] as const) {
      const values = (fn: () => Tensor): Promise<ArrayLike<number>> => withMode(mode, () => nn.withoutUpdates(fn)).data();
      const [wanted, got] = [await values(() => pick(run(x, all), order)), await values(() => run(pick(x, order), order))];
      Array.from(got).forEach((value, i) => expect(value, `${mode}, element ${i}`).toBeCloseTo(wanted[i], digits));
    }
  });
});

const [image, one] = [sample([6, 3, 5, 4]), sample([1, 3, 5, 4], 2)];
const plain = { scale: false, center: false } as const;
const weight = new Param({ shape: [2, 4], name: 'weight', data: [1, 2, 3, 4, 5, 6, 7, 8] });
const share = (kind: number): (() => nn.SwitchableNorm) => () => {
  const layer = nn.switchableNorm(plain);
  layer.build([3, 5, 4]);
  for (const weights of [layer.meanWeights, layer.varianceWeights]) weights.write([0, 1, 2].map((k) => (k === kind ? 200 : 0)));
  return layer;
};
/** x / sqrt(E[x^2] + epsilon) over the batch. */
const rmsBatchNorm = (): nn.Module => nn.layer((x) => x.div(x.square().mean([0, 1, 2], { keepDims: true }).add(1e-5).sqrt()));

/** Outputs, gradients, and what of the state has the same name, in training. */
const equal: readonly (readonly [name: string, a: () => nn.Module, b: () => nn.Module, x: Tensor])[] = [
  ['ghostBatchNorm of the whole batch is batchNorm', () => nn.ghostBatchNorm({ virtualBatchSize: 6 }), nn.batchNorm, image],
  ['batchRenorm with r = 1 and d = 0 is batchNorm', () => nn.batchRenorm({ ...plain, limits: { rMin: 1, rMax: 1, dMax: 0 }, update: false }), () => nn.batchNorm({ ...plain, update: false }), image],
  ['movingAverageBatchNorm of one step is RMS batch norm', () => nn.movingAverageBatchNorm({ ...plain, buffer: 1, warmup: 0, limit: 1 }), rmsBatchNorm, image],
  ['accumulatedBatchNorm of one micro-batch is batchNorm', () => nn.accumulatedBatchNorm({ microBatches: 1 }), nn.batchNorm, image],
  ['crossIterationBatchNorm of one step is batchNorm', () => nn.crossIterationBatchNorm({ weight: () => weight, window: 1 }), nn.batchNorm, image],
  ['splitBatchNorm of one part is batchNorm', () => nn.splitBatchNorm({ splits: 1 }), nn.batchNorm, image],
  ['domainBatchNorm of one domain is batchNorm', () => nn.domainBatchNorm({ domains: ['only'] }), nn.batchNorm, image],
  ['syncBatchNorm over the first axis is batchNorm', nn.syncBatchNorm, nn.batchNorm, image],
  ['inPlaceBatchNorm without an activation is batchNorm', () => nn.inPlaceBatchNorm({ ...plain, activation: 'identity' }), () => nn.batchNorm(plain), image],
  ['batchNorm of one sample is instanceNorm', () => nn.batchNorm({ ...plain, update: false }), nn.instanceNorm, one],
  ['tracked instanceNorm trains as instanceNorm', () => nn.instanceNorm({ running: true }), nn.instanceNorm, image],
  ['switchableNorm of instances alone is instanceNorm', share(0), nn.instanceNorm, image],
  ['switchableNorm of layers alone is layerNorm', share(1), () => nn.layerNorm({ axes: [1, 2, 3], ...plain }), image],
  ['switchableNorm of the batch alone is batchNorm', share(2), () => nn.batchNorm(plain), image],
  ['groupNorm of one group is layerNorm', () => nn.groupNorm({ groups: 1, ...plain }), () => nn.layerNorm({ axes: [1, 2, 3], ...plain }), image],
  ['groupNorm of single channels is instanceNorm', () => nn.groupNorm({ groupSize: 1, ...plain }), nn.instanceNorm, image],
  ['layerNorm of centered rows is rmsNorm', () => nn.layerNorm({ epsilon: 1e-5 }), () => nn.sequential(nn.layer((x) => x.sub(x.mean(-1, { keepDims: true }))), nn.rmsNorm({ epsilon: 1e-5 })), image],
];

describe.for(['wasm', 'oracle'] as const)('layers, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.each(equal)('%s', async (_, a, b, x) => {
    const [got, wanted] = [await outcomeOf(a(), x), await outcomeOf(b(), x)];
    const shared = Object.keys(wanted).filter((name) => name in got);
    expect(shared.slice(0, 2)).toEqual(['y', 'dx']);
    expectOutcome(got, Object.fromEntries(shared.map((name) => [name, wanted[name]])), 2e-6);
  });
});

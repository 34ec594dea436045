/**
 * Kernel counts of the relatives of batch normalization, of rules for weights, and of what per-sample-kernels.test.ts leaves out, so
 * that fusion cannot rot. Where a forward pass has more than 3, the images are still read twice and written once (whitening walks them
 * four times): the others are over channels, instances or shards.
 */
import { beforeAll, describe, it } from 'vitest';
import { configure, grad, nn, Param, tensor } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { expectKernels } from '../../support/expect-kernels.ts';

beforeAll(() => configure({ backend: 'wasm', threads: 1 }));

interface Feed { readonly data: Float32Array; readonly shape: readonly number[] }
/** `forward` with a ReLU behind it; `both` between what is before the norm, a product after it, and the way back to x and the parameters. */
interface Row { readonly make: () => nn.Module; readonly beside?: readonly unknown[]; readonly feeds?: { readonly x: Feed; readonly w: Feed }; readonly forward: number; readonly both: number }

const feed = (...shape: number[]): Feed => ({ data: Float32Array.from({ length: shape.reduce((n, e) => n * e, 1) }, (_, i) => Math.sin(i)), shape });
const of = ({ data, shape }: Feed): Tensor => tensor(data, shape);
const images = { x: feed(8, 12, 12, 16), w: feed(16, 16) };
const rows = { x: feed(64, 48), w: feed(32, 16) };
const labels = tensor(Int32Array.from({ length: 8 }, (_, i) => i % 3));

/** The weight of some layer before, with 16 outputs. */
const before = new Param({ shape: [2, 16], name: 'weight', data: Array.from({ length: 32 }, (_, i) => Math.sin(i)) });

const batch: Readonly<Record<string, Row>> = {
  batchNorm: { make: nn.batchNorm, forward: 2, both: 4 },
  // What each channel is multiplied by comes first.
  frozenBatchNorm: { make: nn.frozenBatchNorm, forward: 2, both: 3 },
  inPlaceBatchNorm: { make: nn.inPlaceBatchNorm, forward: 2, both: 4 },
  accumulatedBatchNorm: { make: () => nn.accumulatedBatchNorm({ microBatches: 2 }), forward: 2, both: 4 },
  batchRenorm: { make: nn.batchRenorm, forward: 2, both: 4 },
  domainBatchNorm: { make: () => nn.domainBatchNorm({ domains: ['a', 'b'] }), forward: 2, both: 4 },
  evoNormB0: { make: nn.evoNormB0, forward: 3, both: 6 },
  // Mean, then the mean distance from it.
  l1BatchNorm: { make: nn.l1BatchNorm, forward: 3, both: 6 },
  // The rows of the condition are multiplied for all samples before the images are walked.
  conditionalBatchNorm: { make: () => nn.conditionalBatchNorm({ classes: 3 }), beside: [{ condition: labels }], forward: 3, both: 7 },
  // Moments of groups, the output, and two small ones that merge them for the running statistics.
  ghostBatchNorm: { make: () => nn.ghostBatchNorm({ virtualBatchSize: 4 }), forward: 4, both: 8 },
  // Moments and output of each part.
  splitBatchNorm: { make: nn.splitBatchNorm, forward: 4, both: 10 },
  // Moments of the reference, of the others merged with it, and the outputs of both.
  virtualBatchNorm: { make: () => nn.virtualBatchNorm({ reference: 4 }), forward: 4, both: 10 },
  // The ring, its mean over the slots, and the output.
  movingAverageBatchNorm: { make: nn.movingAverageBatchNorm, forward: 4, both: 8 },
  // Two sums over workers, each between what is sent and what is made of it.
  syncBatchNorm: { make: nn.syncBatchNorm, feeds: { x: feed(4, 8, 6, 6, 16), w: images.w }, forward: 7, both: 11 },
  // Instances pooled in two ways, and a softmax each for means and variances.
  switchableNorm: { make: nn.switchableNorm, forward: 7, both: 15 },
  // The ring of steps, corrected and pooled, between moments and output; nothing leads from the weight to the input here, so slopes are 0.
  crossIterationBatchNorm: { make: () => nn.crossIterationBatchNorm({ weight: () => before }), forward: 3, both: 11 },
  // Covariance, then Newton's iteration with three products of small matrices in each step but two in the last, then the output.
  decorrelatedBatchNorm: { make: () => nn.decorrelatedBatchNorm({ groupSize: 8, iterations: 2 }), forward: 9, both: 20 },
};

const sample: Readonly<Record<string, Row>> = {
  filterResponseNorm: { make: nn.filterResponseNorm, forward: 2, both: 5 },
  globalResponseNorm: { make: nn.globalResponseNorm, forward: 3, both: 7 },
  adaptiveInstanceNorm: { make: nn.adaptiveInstanceNorm, beside: [of(feed(8, 12, 12, 16)).mul(2)], forward: 3, both: 6 },
  // As groupNorm: moments by channel, pooled to groups and stretched again, the output.
  evoNormS0: { make: () => nn.evoNormS0({ groups: 4 }), forward: 3, both: 7 },
};

// A product by a weight of 48 x 32; a rule makes the weight in a kernel of its own before it, and its gradient in one behind it.
const linear = (): nn.Linear => nn.linear(32, { bias: false });
const weight: Readonly<Record<string, Row>> = {
  'no rule': { make: linear, feeds: rows, forward: 1, both: 4 },
  weightNorm: { make: () => nn.weightNorm(linear()), feeds: rows, forward: 2, both: 6 },
  weightStandardization: { make: () => nn.weightStandardization(linear()), feeds: rows, forward: 2, both: 6 },
  scaledWeightStandardization: { make: () => nn.scaledWeightStandardization(linear()), feeds: rows, forward: 2, both: 6 },
  weightCentering: { make: () => nn.weightCentering(linear()), feeds: rows, forward: 2, both: 6 },
  // Power iteration: two products and their lengths, then the norm itself.
  spectralNorm: { make: () => nn.spectralNorm(linear()), feeds: rows, forward: 7, both: 12 },
};

describe.for(Object.entries({ ...batch, ...sample, ...weight }))('%s', ([, { make, beside = [], feeds = images, forward, both }]) => {
  const run = (layer: nn.Module) => (x: Tensor): Tensor => (Reflect.get(layer, 'forward') as (...inputs: unknown[]) => Tensor)(x, ...beside);

  it(`${forward} kernels forward in training, activation included`, () => {
    const call = run(make());
    return expectKernels(({ x }) => ({ y: call(x).relu() }), { x: feeds.x }, forward);
  });

  it(`${both} kernels forward and backward`, async () => {
    const layer = make();
    const call = run(layer);
    call(of(feeds.x));
    await expectKernels(({ x, w }) => {
      const loss = call(x).matmul(w).tanh().sum();
      const [dx, ...rest] = grad(loss, [x, ...layer.params().filter((param) => param.trainable)]);
      return { dx, ...Object.fromEntries(rest.map((g, i) => [`p${i}`, g])) };
    }, { ...feeds }, both);
  });
});

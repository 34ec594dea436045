/** Statistics of millions of values on wasm: mean and variance to 2e-6, near zero and far from it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, nn, shutdown } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { goldenUniform } from '../../support/golden-data.ts';

const TOLERANCE = 2e-6;
const LONGEST = 2 ** 24;
const PIECE = 2 ** 20;
const plain = { scale: false, center: false, epsilon: 0 } as const;

interface Exact { readonly mean: number; readonly variance: number }

/** In f64, of the values from .. to with a stride. */
function exactly(x: Float32Array, from = 0, to = x.length, stride = 1): Exact {
  const count = Math.ceil((to - from) / stride);
  let sum = 0, squares = 0;
  for (let i = from; i < to; i += stride) sum += x[i];
  const mean = sum / count;
  for (let i = from; i < to; i += stride) squares += (x[i] - mean) ** 2;
  return { mean, variance: squares / count };
}

/** Deviation 1, by pieces of a stream that are moved a little apart so that no two have one mean. */
function valuesOf(count: number, offset: number): Float32Array {
  const out = new Float32Array(count);
  const piece = goldenUniform(7, Math.min(count, PIECE), 2).map((value) => (value * Math.sqrt(3)) / 2);
  for (let start = 0; start < count; start += PIECE) {
    const apart = offset + start / count / 8;
    for (let i = 0; i < piece.length; i++) out[start + i] = piece[i] + apart;
  }
  return out;
}

function expectMoments(mean: number, variance: number, exact: Exact, what: string): void {
  expect(Math.abs(mean - exact.mean) / Math.max(1, Math.abs(exact.mean)), `mean of ${what}`).toBeLessThanOrEqual(TOLERANCE);
  expect(Math.abs(variance / exact.variance - 1), `variance of ${what}`).toBeLessThanOrEqual(TOLERANCE);
}

describe.each([0, 100, 1e4])('around %d', (offset) => {
  beforeAll(() => configure({ backend: 'wasm' }));
  afterAll(() => shutdown());

  // 64 MB in, and nothing else of that size; half a second each on a 2-core EPYC. Measured: 1.7e-6 for the variance, 5e-8 for the mean.
  it.each([[LONGEST, 1], [LONGEST / 2 - 1, 2], [LONGEST / 4, 4], [LONGEST / 16 - 1, 16], [LONGEST / 64 - 1, 64]])('%i values of %i channels, as batchNorm remembers them', async (count, channels) => {
    const x = valuesOf(LONGEST, offset).subarray(0, count * channels);
    const layer = nn.batchNorm({ ...plain, decay: 0, estimator: 'population' });
    const step = compile('long', ({ x: input }) => ({ largest: layer.forward(input).max() }));
    await step({ x: { data: x, shape: [count, channels] } });
    const [means, variances] = [await layer.runningMean.read(), await layer.runningVariance.read()];
    step.dispose();
    for (let c = 0; c < channels; c++) expectMoments(means[c], variances[c], exactly(x, c, x.length, channels), `channel ${c}`);
  }, 10_000);

  it.each([
    ['layerNorm of rows', [3, PIECE], () => nn.layerNorm(plain), PIECE, 1],
    ['layerNorm of samples', [2, 64, 64, 256], () => nn.layerNorm({ ...plain, axes: [1, 2, 3] }), PIECE, 1],
    ['groupNorm of one group', [2, PIECE / 4, 4], () => nn.groupNorm({ ...plain, groups: 1 }), PIECE, 1],
    ['groupNorm, channels first', [1, 4, PIECE / 2], () => nn.groupNorm({ ...plain, groups: 2, axis: 1 }), PIECE, 1],
    ['instanceNorm of one channel', [2, PIECE, 1], () => nn.instanceNorm(plain), PIECE, 1],
    ['instanceNorm of three channels', [1, PIECE, 3], () => nn.instanceNorm(plain), 3 * PIECE, 3],
  ] as const)('%s of 2^20 values', async (_, shape, make, slice, stride) => {
    const x = valuesOf(shape.reduce<number>((n, extent) => n * extent, 1), offset);
    const step = compile('long', ({ x: input }) => ({ y: (make() as nn.Model).forward(input) }));
    const y = await (await step({ x: { data: x, shape } }) as Readonly<Record<string, Tensor>>).y.data() as Float32Array;
    step.dispose();
    for (let start = 0; start < x.length; start += slice) {
      for (let c = 0; c < stride; c++) {
        const got = exactly(y, start + c, start + slice, stride);
        const { mean, variance } = exactly(x, start + c, start + slice, stride);
        // What is left of the mean is what f32 cannot say of it.
        expect(Math.abs(got.mean)).toBeLessThanOrEqual((Math.abs(mean) * 2 ** -24) / Math.sqrt(variance) + 1e-5);
        expect(Math.abs(1 / got.variance - 1), `variance ${variance}`).toBeLessThanOrEqual(TOLERANCE);
      }
    }
  }, 10_000);
});

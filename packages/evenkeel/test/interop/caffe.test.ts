import { describe, expect, test } from 'vitest';
import { compile, importCaffeBatchNorm, nn, tensor, withMode } from '../../src/index.ts';
import { faultText } from '../support/fault-text.ts';

const X = [[1, -2, 0.5], [3, 0, 2.5], [-1, 4, 1.5], [2, 2, -3]];
const x = (): ReturnType<typeof tensor> => tensor(X);
const built = (options: nn.BatchNormOptions = {}): nn.BatchNorm => {
  const layer = nn.batchNorm({ dialect: 'caffe', ...options });
  layer.build([3]);
  return layer;
};
const rows = async (y: ReturnType<typeof tensor>): Promise<number[][]> => {
  const data = await y.data();
  return X.map((_, i) => [...data.slice(3 * i, 3 * i + 3)]);
};

/** What batch_norm_layer.cpp and scale_layer.cpp compute in the test phase, in f64. */
function caffe({ mean, variance, factor }: { readonly mean: readonly number[]; readonly variance: readonly number[]; readonly factor: number }, scale = [1, 1, 1], shift = [0, 0, 0]): number[][] {
  const k = factor === 0 ? 0 : 1 / factor;
  return X.map((row) => row.map((value, c) => ((value - mean[c] * k) / Math.sqrt(variance[c] * k + 1e-5)) * scale[c] + shift[c]));
}

const blobs = { mean: [300, -150, 75], variance: [600, 900, 1200], factor: 300 };

test('sums are divided by the third blob, and Scale follows', async () => {
  const layer = built();
  importCaffeBatchNorm(layer, { ...blobs, factor: [300] }, { scale: [2, 3, -1], shift: [0.5, 0, 1] });
  expect([...(await layer.runningMean.read())]).toEqual([1, -0.5, 0.25]);
  expect([...(await layer.runningVariance.read())]).toEqual([2, 3, 4]);
  const got = await withMode('eval', () => rows(layer.forward(x())));
  caffe(blobs, [2, 3, -1], [0.5, 0, 1]).forEach((row, i) => row.forEach((value, c) => expect(got[i][c]).toBeCloseTo(value, 5)));
});

test('BatchNorm without Scale, into a layer with and without an affine part', async () => {
  for (const layer of [built(), built({ scale: false, center: false })]) {
    layer.scale?.write([7, 7, 7]);
    layer.shift?.write([7, 7, 7]);
    importCaffeBatchNorm(layer, blobs);
    const got = await withMode('eval', () => rows(layer.forward(x())));
    caffe(blobs).forEach((row, i) => row.forEach((value, c) => expect(got[i][c]).toBeCloseTo(value, 5)));
  }
});

test('Scale without bias_term shifts by 0', async () => {
  const layer = built();
  layer.shift!.write([7, 7, 7]);
  importCaffeBatchNorm(layer, blobs, { scale: [2, 3, -1] });
  expect([...(await layer.shift!.read())]).toEqual([0, 0, 0]);
  expect([...(await layer.scale!.read())]).toEqual([2, 3, -1]);
});

test('a third blob of 0 means statistics of 0', async () => {
  const layer = built();
  importCaffeBatchNorm(layer, { ...blobs, factor: 0 });
  expect([...(await layer.runningMean.read()), ...(await layer.runningVariance.read())]).toEqual([0, 0, 0, 0, 0, 0]);
});

test('variances that rounding made negative become 0, and the output is finite', async () => {
  const layer = built();
  importCaffeBatchNorm(layer, { mean: [1, 2, 3], variance: [-1e-5, -9e-4, 1], factor: 1 });
  const variance = await layer.runningVariance.read();
  expect([...variance]).toEqual([0, 0, 1]);
  const got = await withMode('eval', () => rows(layer.forward(x())));
  expect(got.flat().every(Number.isFinite)).toBe(true);
});

test('training goes on as in Caffe: s <- f s + 1, S <- f S + statistic', async () => {
  const f = 0.9, layer = built({ decay: f });
  // Two batches seen: the weights are f and 1.
  const start = { mean: [1.9, 0.19, -3.8], variance: [3.8, 1.9, 5.7], factor: f + 1 };
  importCaffeBatchNorm(layer, start);
  await compile('step', () => { layer.forward(x()); }, { mode: 'train' })();
  const mean = await layer.runningMean.read(), variance = await layer.runningVariance.read();
  const s = f * start.factor + 1;
  for (let c = 0; c < 3; c++) {
    const column = X.map((row) => row[c]), m = column.reduce((a, b) => a + b) / 4;
    const unbiased = column.reduce((sum, value) => sum + (value - m) ** 2, 0) / 3;
    expect(mean[c]).toBeCloseTo((f * start.mean[c] + m) / s, 5);
    expect(variance[c]).toBeCloseTo((f * start.variance[c] + unbiased) / s, 5);
  }
});

describe('use_global_stats', () => {
  test('true: training uses the stored statistics and keeps them', async () => {
    const layer = built();
    importCaffeBatchNorm(layer, { ...blobs, useGlobalStats: true });
    const step = compile('step', () => ({ y: layer.forward(x()) }), { mode: 'train' });
    const got = await rows((await step()).y);
    caffe(blobs).forEach((row, i) => row.forEach((value, c) => expect(got[i][c]).toBeCloseTo(value, 5)));
    expect([...(await layer.runningMean.read())]).toEqual([1, -0.5, 0.25]);
  });

  test('false: evaluation by the batch is an option of the layer', () => {
    expect(faultText(() => importCaffeBatchNorm(built(), { ...blobs, useGlobalStats: false }))).toEqual([
      'E520 importCaffeBatchNorm: use_global_stats: false evaluates by the statistics of the batch.', "the layer has evaluation: 'running'",
      "Fix: build nn.batchNorm({ dialect: 'caffe', evaluation: 'batch' })"]);
    expect(() => importCaffeBatchNorm(built({ evaluation: 'batch' }), { ...blobs, useGlobalStats: false })).not.toThrow();
  });
});

describe('what does not fit', () => {
  test.each([
    ['sizes', {}, { ...blobs, mean: [1, 2] }, undefined, ['mean, blob 0, must have a number for each channel.', 'the layer has 3 channels   got 2', "Fix: give the blobs of this layer, in the order of Caffe"]],
    ['no third blob', {}, { ...blobs, factor: [] }, undefined, ['factor, blob 2, must be one number from 0.', 'got []', 'Fix: old BatchNorm layers have two blobs, already divided: factor 1']],
    ['swapped blobs', {}, { ...blobs, mean: blobs.variance, variance: blobs.mean }, undefined, ['a variance must not be negative.', 'channel 1 has -0.5', 'Fix: check the order of the blobs: mean, variance, factor']],
    ['a Scale without its place', { center: false }, blobs, { scale: [1, 1, 1], shift: [1, 1, 1] }, [
      'a Scale layer needs a place in the layer.', 'the layer was built with center: false', 'Fix: leave out center: false']],
  ])('%s', async (_, options, given, scale, [rule, ...rest]) => {
    const layer = built(options);
    expect(faultText(() => importCaffeBatchNorm(layer, given, scale))).toEqual([`E520 importCaffeBatchNorm: ${rule}`, ...rest]);
    expect([...(await layer.runningVariance.read())]).toEqual([1, 1, 1]);
  });
});

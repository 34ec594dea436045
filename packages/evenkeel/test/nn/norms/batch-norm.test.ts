import { describe, expect, it } from 'vitest';
import * as nn from '../../../src/nn/index.ts';
import { withMode } from '../../../src/runtime/index.ts';
import { ones, tensor, zeros } from '../../../src/tensor/index.ts';
import type { Tensor } from '../../../src/tensor/index.ts';
import { goldenLayers } from '../../support/golden-data.ts';

const of = ({ shape, data }: { readonly shape: readonly number[]; readonly data: readonly number[] }): Tensor => tensor(Float32Array.from(data), shape);

async function expectClose(got: Tensor, wanted: { readonly shape: readonly number[]; readonly data: readonly number[] }, tolerance = 2e-5): Promise<void> {
  expect(got.shape).toEqual(wanted.shape);
  const values = await got.data();
  wanted.data.forEach((value, i) => expect(Math.abs(values[i] - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value))));
}

describe('batchNorm', () => {
  const goldens = goldenLayers().layers.filter((golden) => golden.op === 'batchNorm');
  it.each(goldens.map((golden) => [golden.name, golden] as const))('agrees with PyTorch: %s', async (_, golden) => {
    const { x, scale, shift, mean, variance } = golden.inputs;
    const layer = nn.batchNorm({ epsilon: golden.options.epsilon as number, decay: golden.options.decay as number });
    layer.build(x.shape.slice(1));
    layer.scale!.write(scale.data);
    layer.shift!.write(shift.data);
    layer.runningMean.write(mean.data);
    layer.runningVariance.write(variance.data);
    const y = withMode(golden.options.training ? 'train' : 'eval', () => layer.forward(of(x)));
    // Inputs far from zero carry their own rounding in f32.
    await expectClose(y, golden.output, golden.name.includes('far from zero') ? 3e-4 : 2e-5);
    await expectClose(tensor(await layer.runningMean.read()), golden.extra?.mean ?? mean);
    await expectClose(tensor(await layer.runningVariance.read()), golden.extra?.variance ?? variance);
  });

  const run = async (layer: nn.BatchNorm, x: Tensor): Promise<number[]> => [...(await withMode('train', () => layer.forward(x)).data())];
  const x = tensor([[1, 10], [3, 30]]);

  it('normalizes each channel over the batch', async () => {
    const y = await run(nn.batchNorm({ epsilon: 0 }), x);
    for (const [i, value] of [-1, -1, 1, 1].entries()) expect(y[i]).toBeCloseTo(value, 6);
  });

  it('works on any axis', async () => {
    const layer = nn.batchNorm({ axis: 1, epsilon: 0 });
    const y = await run(layer, tensor([[[1, 3], [10, 30]]]));
    for (const [i, value] of [-1, 1, -1, 1].entries()) expect(y[i]).toBeCloseTo(value, 6);
    expect(layer.runningMean.shape).toEqual([2]);
    const [mean] = await layer.runningMean.read();
    expect(mean).toBeCloseTo(0.2, 6);
  });

  it('trains without scale or shift, at any rank', async () => {
    for (const options of [{ scale: false }, { center: false }, { scale: false, center: false }]) {
      const layer = nn.batchNorm(options);
      const y = await run(layer, ones([2, 2, 2, 2, 3]));
      expect(y.every((value) => value === 0)).toBe(true);
      expect([...layer.namedParams().keys()]).toEqual([...(options.scale === false ? [] : ['scale']), ...(options.center === false ? [] : ['shift'])]);
    }
  });

  it('keeps its running statistics where told to', async () => {
    for (const layer of [nn.batchNorm({ update: false }), nn.batchNorm({ statistics: 'running' }), nn.batchNorm().freeze()]) {
      await run(layer, x);
      expect([...(await layer.runningMean.read()), ...(await layer.runningVariance.read())]).toEqual([0, 0, 1, 1]);
    }
  });

  it('uses the running statistics while frozen, whatever the mode', async () => {
    const layer = nn.batchNorm({ epsilon: 0 }).freeze();
    expect(await run(layer, x)).toEqual([1, 10, 3, 30]);
    layer.unfreeze();
    expect((await run(layer, x))[0]).toBeCloseTo(-1, 6);
  });

  it('does not take over statistics that are not finite', async () => {
    const layer = nn.batchNorm();
    for (const bad of [NaN, Infinity]) {
      await run(layer, tensor([[bad, 1], [1, 3]]));
      expect([...(await layer.runningMean.read()), ...(await layer.runningVariance.read())]).toEqual([0, 0, 1, 1]);
    }
    await run(layer, tensor([[1, 1], [1, 3]]));
    expect([...(await layer.runningMean.read())]).toEqual([expect.closeTo(0.1, 6), expect.closeTo(0.2, 6)]);
  });

  it('refuses one value per channel in training, and takes it in evaluation', async () => {
    const layer = nn.sequential({ input: [3] }, nn.batchNorm());
    expect(() => withMode('train', () => layer.forward(ones([1, 3])))).toThrow('E311 batchNorm: training needs more than one value per channel.\n' +
      '     input [1, 3] has one: its variance is 0 and every output would be the shift\n     in model.0 (batchNorm)\n' +
      '     Fix: use a larger batch, leave out a last batch of one sample ({ dropLast: true }), or freeze() the layer');
    expect(layer.forward(ones([1, 3])).shape).toEqual([1, 3]);
  });

  it('refuses other channels, and sees where they stand', () => {
    const layer = nn.batchNorm();
    layer.build([5, 3]);
    expect(() => layer.forward(zeros([2, 3, 5]))).toThrow('E310 batchNorm: the input must have 3 channels.\n     input [2, 3, 5]\n     5 (input, axis 2) != 3 (layer)\n' +
      '     in model (batchNorm)\n     Fix: the channels stand on axis 1: write batchNorm({ axis: 1 })');
    expect(() => nn.batchNorm({ axis: 4 }).forward(x)).toThrow('E312 batchNorm: axis must name an axis other than the batch');
    expect(() => nn.batchNorm({ axis: 0 }).forward(x)).toThrow('E312 batchNorm: axis 0 is the batch, unless `channels` says that it is not');
    expect(() => nn.ghostBatchNorm({ axis: 0, channels: 2, virtualBatchSize: 1 }).forward(x)).toThrow('E312 ghostBatchNorm: axis must name an axis other than the batch');
    expect(() => nn.batchNorm({ channels: 5 }).forward(x)).toThrow('E310');
    expect(() => nn.batchNorm({ channels: 1.5 })).toThrow('E101');
    expect(() => nn.batchNorm({ decay: 1.1 })).toThrow('E101 batchNorm: decay must be in 0 .. 1, the weight of the old value');
  });
});

import { describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { withMode } from '../../src/runtime/index.ts';
import { ones, tensor, zeros } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { goldenLayers } from '../support/golden-data.ts';
import type { GoldenLayer } from '../support/golden-data.ts';

const of = ({ shape, data }: { readonly shape: readonly number[]; readonly data: readonly number[] }): Tensor => tensor(Float32Array.from(data), shape);

async function expectClose(got: Tensor, wanted: { readonly shape: readonly number[]; readonly data: readonly number[] }, tolerance = 2e-5): Promise<void> {
  expect(got.shape).toEqual(wanted.shape);
  const values = await got.data();
  wanted.data.forEach((value, i) => expect(Math.abs(values[i] - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value))));
}

/** The layer that a golden describes, given its parameters; undefined for what there is no layer for. */
function layerFor({ op, options, inputs }: GoldenLayer): nn.Model | undefined {
  const { stride, padding, dilation, groups, window, countPadding, slope, alpha, axis } = options as Record<string, never>;
  switch (op) {
    case 'conv2d': return nn.conv2d(inputs.w.shape[3], inputs.w.shape.slice(0, 2), { stride, padding, dilation, groups });
    case 'linear': return nn.linear(inputs.w.shape[1]);
    case 'maxPool2d': return nn.maxPool2d(window, { stride, padding });
    case 'avgPool2d': return nn.avgPool2d(window, { stride, padding, countPadding });
    case 'leakyRelu': return nn.leakyRelu(slope);
    case 'elu': return nn.elu(alpha);
    case 'softmax': return nn.softmax(axis);
    case 'relu': case 'sigmoid': case 'tanh': case 'gelu': case 'silu': return nn[op]();
    default: return undefined;
  }
}

describe('layers agree with PyTorch', () => {
  const known = goldenLayers().layers.filter((golden) => layerFor(golden) !== undefined);
  it.each(known.map((golden) => [golden.name, golden] as const))('%s', async (_, golden) => {
    const layer = layerFor(golden)!;
    const { x, w, bias } = golden.inputs;
    layer.build(x.shape.slice(1));
    const params = layer.namedParams();
    if (w) params.get('weight')!.write(w.data);
    if (bias) params.get('bias')!.write(bias.data);
    await expectClose(layer.forward(of(x)), golden.output);
  });
});

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
    await run(layer, tensor([[NaN, 1], [1, 3]]));
    expect([...(await layer.runningMean.read())]).toEqual([0, expect.closeTo(0.2, 6)]);
    await run(layer, tensor([[Infinity, 1], [1, 3]]));
    expect((await layer.runningVariance.read())[0]).toBe(1);
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
    expect(() => nn.batchNorm({ axis: 0 }).forward(x)).toThrow('E312');
    expect(() => nn.batchNorm({ decay: 1.1 })).toThrow('E101 batchNorm: decay must be in 0 .. 1, the weight of the old value');
  });
});

describe('other layers', () => {
  it('flatten, pool and average in the shapes they say', () => {
    expect(nn.flatten().build([4, 5, 6])).toEqual([120]);
    expect(nn.globalAvgPool2d().build([4, 5, 6])).toEqual([6]);
    expect(nn.maxPool2d([2, 1]).build([4, 5, 6])).toEqual([2, 5, 6]);
  });

  it('drop values in training only', async () => {
    const layer = nn.dropout(0.5);
    const x = ones([1000]);
    expect([...(await layer.forward(x).data())].every((value) => value === 1)).toBe(true);
    const dropped = [...(await withMode('train', () => layer.forward(x)).data())];
    expect(new Set(dropped)).toEqual(new Set([0, 2]));
    expect(Math.abs(dropped.filter((value) => value === 0).length - 500)).toBeLessThan(80);
    expect(() => nn.dropout(1)).toThrow('E101 dropout: rate must be in 0 .. 1');
  });

  it('start as PyTorch does: uniform in 1 / sqrt(fan in)', async () => {
    const layer = nn.conv2d(64, 3);
    layer.build([8, 8, 4]);
    const weight = [...(await layer.weight.read())];
    const bound = 1 / Math.sqrt(36);
    expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(weight.reduce((sum, w) => sum + w * w, 0) / weight.length).toBeCloseTo(bound ** 2 / 3, 3);
  });

  it('refuse options and inputs that cannot be', () => {
    expect(() => nn.conv2d(0, 3)).toThrow('E101 conv2d: filters must be a whole number from 1.\n     got 0');
    expect(() => nn.conv2d(1, [3, 3, 3])).toThrow('E101 conv2d: kernel must be one or two whole numbers from 1');
    expect(() => nn.conv2d(3, 1, { groups: 2 }).build([4, 4, 2])).toThrow('E303 conv2d: groups must divide both input channels and filters');
    expect(() => nn.conv2d(3, 1).build([4, 4])).toThrow('E300 conv2d: the input must be images [N, H, W, C].\n     got [2, 4, 4], 3 axes');
    expect(() => nn.maxPool2d(2).build([4])).toThrow('E300 maxPool2d');
    expect(() => nn.linear(2).build([])).toThrow('E300 linear');
  });
});

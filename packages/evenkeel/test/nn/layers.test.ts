import { describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { withMode } from '../../src/runtime/index.ts';
import { ones, tensor } from '../../src/tensor/index.ts';
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

describe('other layers', () => {
  it('convTranspose2d makes images larger, as the adjoint of conv2d', async () => {
    const layer = nn.convTranspose2d(2, 4, { stride: 2, padding: 1 });
    expect(layer.build([5, 5, 3])).toEqual([10, 10, 2]);
    expect([...layer.namedParams()].map(([name, { shape }]) => `${name} [${shape}]`)).toEqual(['weight [4,4,2,3]', 'bias [2]']);
    expect(() => layer.build([5, 5, 4])).toThrow('E302');
    const [x, y] = [ones([1, 10, 10, 2]), ones([1, 5, 5, 3])];
    const inner = async (a: Tensor, b: Tensor): Promise<number> => a.mul(b).sum().item();
    const conv = nn.conv2d(3, 4, { stride: 2, padding: 1, bias: false });
    conv.build([10, 10, 2]);
    conv.weight.write(await layer.weight.read());
    layer.bias!.write([0, 0]);
    expect(await inner(conv.forward(x), y)).toBeCloseTo(await inner(x, layer.forward(y)), 3);
  });

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

  it('refuse what is no tensor, the missing input of a step for one', () => {
    const missing = undefined as never;
    expect(() => nn.sequential(nn.conv2d(2, 3)).forward(missing)).toThrow('E305 conv2d: the input must be a tensor.\n     got undefined\n' +
      '     in model.0 (conv2d 2, 3x3)\n     Fix: call the step with every input that it uses, by the name it uses');
    for (const make of [() => nn.linear(2), () => nn.batchNorm(), () => nn.groupNorm({ groups: 1 }), () => nn.layerNorm(), () => nn.rmsNorm(), () => nn.maxPool2d(2)]) {
      expect(() => make().forward([[1, 2]] as never)).toThrow(/E305 \w+: the input must be a tensor\.\n +got \[\[1,2\]\]\n.*\n +Fix: wrap it: tensor\(values, shape\)/);
    }
    expect(() => nn.batchNorm().forward(tensor([[1, 2], [3, 4]]), { mask: [1, 0] as never })).toThrow('E305 batchNorm: the mask must be a tensor');
  });
});

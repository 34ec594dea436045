/** The formulas of the per-sample family on numbers that can be followed by hand, and what is equal to what. */
import { beforeAll, describe, expect, it } from 'vitest';
import { sizeOf } from '../../../src/base/index.ts';
import type { Shape } from '../../../src/base/index.ts';
import * as nn from '../../../src/nn/index.ts';
import { configure, withMode } from '../../../src/runtime/index.ts';
import { concat, grad, tensor, Tensor } from '../../../src/tensor/index.ts';
import { randomValues } from '../../support/check-op.ts';

beforeAll(() => configure({ backend: 'wasm' }));

const random = (shape: Shape, seed = 1): Tensor => tensor(Float32Array.from(randomValues(sizeOf(shape), -1, 2, seed)), shape);

async function expectValues(got: Tensor, wanted: Tensor | readonly number[], digits = 5): Promise<void> {
  const values = [...await got.data()];
  const others = wanted instanceof Tensor ? [...await wanted.data()] : wanted;
  expect(values).toHaveLength(others.length);
  others.forEach((value, i) => expect(values[i], `element ${i} of ${values}`).toBeCloseTo(value, digits));
}

describe('layerNorm', () => {
  it('standardizes each row, then scales and shifts each of its elements', async () => {
    const layer = nn.layerNorm({ epsilon: 0 });
    await expectValues(layer.forward(tensor([[1, 3], [10, 30]])), [-1, 1, -1, 1]);
    layer.scale!.write([2, 3]);
    layer.shift!.write([0, 1]);
    await expectValues(layer.forward(tensor([[1, 3], [10, 30]])), [-2, 4, -2, 4]);
  });

  it('takes any axes of a sample, which the affine part then has', async () => {
    const layer = nn.layerNorm({ axes: [-1, 1], epsilon: 0 });
    const y = layer.forward(random([2, 3, 4, 5]));
    expect(layer.scale!.shape).toEqual([3, 5]);
    await expectValues(y.mean([1, 3]), new Array<number>(8).fill(0));
    await expectValues(y.square().mean([1, 3]), new Array<number>(8).fill(1));
  });

  it('has the epsilon of its dialect', async () => {
    const x = tensor([[-0.01, 0.01]]);
    for (const [dialect, epsilon] of [[undefined, 1e-5], ['torch', 1e-5], ['keras', 1e-3], ['tfFused', 1e-3], ['onnx', 1e-5], ['flax', 1e-6]] as const) {
      await expectValues(nn.layerNorm({ dialect }).forward(x), [-0.01, 0.01].map((v) => v / Math.sqrt(1e-4 + epsilon)));
    }
  });
});

describe('far from zero', () => {
  it.each([
    ['layerNorm', nn.layerNorm({ epsilon: 0 }), [1, 512]], ['groupNorm', nn.groupNorm({ groups: 1, epsilon: 0 }), [1, 128, 4]],
    ['groupNorm of few positions', nn.groupNorm({ groups: 1, epsilon: 0 }), [1, 4, 128]], ['instanceNorm', nn.instanceNorm({ epsilon: 0 }), [1, 512, 1]],
  ] as const)('%s keeps the deviation to 1e-5 where the mean is 1e4 times as large', async (_, layer, shape) => {
    const x = Float32Array.from(randomValues(512, 9998.3, 10001.7, 3));
    const mean = x.reduce((sum, v) => sum + v / 512, 0);
    const deviation = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2 / 512, 0));
    const got = Float64Array.from(await layer.forward(tensor(x, shape)).data());
    // The mean is an f32 and so known to 5e-4 only, which moves all values alike: their deviation must not notice.
    const shift = got.reduce((sum, v) => sum + v / 512, 0);
    expect(Math.abs(shift)).toBeLessThan(1e-3);
    expect(Math.abs(Math.sqrt(got.reduce((sum, v) => sum + (v - shift) ** 2 / 512, 0)) - 1)).toBeLessThan(5e-6);
    x.forEach((v, i) => expect(Math.abs(got[i] - shift - (v - mean) / deviation)).toBeLessThan(2e-5));
  });
});

describe('rmsNorm, pixelNorm and unitNorm', () => {
  it('divide by the root of the mean square', async () => {
    const wanted = [3, 4].map((v) => v / Math.sqrt(12.5));
    await expectValues(nn.rmsNorm({ epsilon: 0 }).forward(tensor([[3, 4]])), wanted);
    await expectValues(nn.pixelNorm().forward(tensor([[3, 4]])), wanted);
    await expectValues(nn.pixelNorm({ axis: 1 }).forward(tensor([[[3], [4]]])), wanted);
    await expectValues(nn.rmsNorm({ epsilon: 12.5 }).forward(tensor([[3, 4]])), [0.6, 0.8]);
  });

  it('put epsilon inside the root, as much as the dialect says', async () => {
    const x = tensor([[1e-3, -1e-3]]);
    for (const [dialect, epsilon] of [[undefined, 2 ** -23], ['keras', 1e-6], ['onnx', 1e-5], ['flax', 1e-6]] as const) {
      await expectValues(nn.rmsNorm({ dialect }).forward(x), [1, -1].map((v) => (v * 1e-3) / Math.sqrt(1e-6 + epsilon)));
    }
  });

  it('give vectors length 1, and leave zero vectors alone', async () => {
    await expectValues(nn.unitNorm().forward(tensor([[3, 4], [0, 0]])), [0.6, 0.8, 0, 0]);
    await expectValues(nn.unitNorm({ order: 1 }).forward(tensor([[3, -1], [0, 0]])), [0.75, -0.25, 0, 0]);
    const x = tensor([[0, 0]]);
    const [dx] = grad(nn.unitNorm().forward(x).square().sum(), [x]);
    expect([...await dx.data()]).toEqual([0, 0]);
  });
});

describe('groupNorm and instanceNorm', () => {
  it.each([[-1, [2, 3, 4, 6]], [1, [2, 6, 3, 4]], [2, [2, 3, 6]]] as const)('one group is layer norm over a sample, a group for each channel is instance norm: axis %i of %j', async (axis, shape) => {
    const x = random(shape);
    const rest = shape.map((_, i) => i).slice(1);
    await expectValues(nn.groupNorm({ groups: 1, axis }).forward(x), nn.layerNorm({ axes: rest, scale: false, center: false }).forward(x));
    await expectValues(nn.groupNorm({ groups: 6, axis }).forward(x), nn.instanceNorm({ axis }).forward(x));
  });

  it('takes neighbouring channels together', async () => {
    const layer = nn.groupNorm({ groups: 2, epsilon: 0 });
    await expectValues(layer.forward(tensor([[[1, 3, 10, 30], [3, 1, 30, 10]]])), [-1, 1, -1, 1, 1, -1, 1, -1]);
    layer.scale!.write([1, 2, 3, 4]);
    layer.shift!.write([0, 0, 0, 1]);
    await expectValues(layer.forward(tensor([[[1, 3, 10, 30], [3, 1, 30, 10]]])), [-1, 2, -3, 5, 1, -2, 3, -3]);
    const x = random([2, 3, 8], 4);
    await expectValues(nn.groupNorm({ groupSize: 2 }).forward(x), nn.groupNorm({ groups: 4 }).forward(x));
  });

  it('standardizes each channel of each sample', async () => {
    await expectValues(nn.instanceNorm({ epsilon: 0 }).forward(tensor([[[1, 10], [3, 30]], [[5, 2], [1, 4]]])), [-1, -1, 1, 1, 1, -1, -1, 1]);
    expect(paramsOf(nn.instanceNorm())).toEqual([]);
    expect(paramsOf(nn.instanceNorm({ dialect: 'keras' }))).toEqual(['scale', 'shift']);
    expect(paramsOf(nn.instanceNorm({ dialect: 'onnx', center: false }))).toEqual(['scale']);
  });

  it('is batch norm where the batch is one sample', async () => {
    const x = random([1, 3, 4, 2]);
    await expectValues(nn.instanceNorm().forward(x), withMode('train', () => nn.batchNorm().forward(x)));
  });

  it('counts no padding: masked samples come out as they would without it', async () => {
    const x = random([2, 5, 4]);
    const lengths = [3, 5];
    const padded = concat([concat([x.slice([0], [1, 3]), tensor(new Float32Array(8).fill(NaN), [1, 2, 4])], 1), x.slice([1])]);
    const mask = tensor(Int32Array.from([1, 1, 1, 0, 0, 1, 1, 1, 1, 1]), [2, 5]);
    for (const layer of [nn.instanceNorm(), nn.groupNorm({ groups: 2 })]) {
      const y = layer.forward(padded, { mask });
      for (const [n, length] of lengths.entries()) {
        await expectValues(y.slice([n], [n + 1, length]), layer.forward(x.slice([n], [n + 1, length])));
      }
    }
  });
});

function paramsOf(layer: nn.Module): string[] {
  layer.build([2, 3, 4]);
  return [...layer.namedParams().keys()];
}

describe('instanceNorm with running statistics', () => {
  it('trains by each sample and evaluates by the mean of all, variances unbiased', async () => {
    const layer = nn.instanceNorm({ running: true, decay: 0.5, epsilon: 0 });
    const x = tensor([[[1], [3]], [[10], [30]]]);
    await expectValues(withMode('train', () => layer.forward(x)), [-1, 1, -1, 1]);
    expect([...await layer.runningMean.read()]).toEqual([0.5 * 11]);
    expect([...await layer.runningVariance.read()]).toEqual([0.5 + 0.5 * (2 + 200) / 2]);
    await expectValues(layer.forward(x), [1, 3, 10, 30].map((v) => (v - 5.5) / Math.sqrt(51)));
  });

  it('moves nothing while frozen', async () => {
    const layer = nn.instanceNorm({ running: true });
    layer.build([3, 2]);
    layer.freeze();
    await withMode('train', () => layer.forward(random([2, 3, 2]))).data();
    expect([...await layer.runningMean.read()]).toEqual([0, 0]);
  });
});

describe('localResponseNorm', () => {
  const x = tensor([[1, 2, 3, 4]]);

  it('divides by the power of the channels around', async () => {
    await expectValues(nn.localResponseNorm({ size: 3, alpha: 3, beta: 1 }).forward(x), [1 / 6, 2 / 15, 3 / 30, 4 / 26]);
    await expectValues(nn.localResponseNorm({ size: 3, alpha: 3, beta: 1, axis: 1 }).forward(x.reshape([1, 4, 1])), [1 / 6, 2 / 15, 3 / 30, 4 / 26]);
  });

  it('reaches further back for even sizes in PyTorch, further on in ONNX', async () => {
    await expectValues(nn.localResponseNorm({ size: 2, alpha: 2, beta: 1 }).forward(x), [1 / 2, 2 / 6, 3 / 14, 4 / 26]);
    await expectValues(nn.localResponseNorm({ size: 2, alpha: 2, beta: 1, dialect: 'onnx' }).forward(x), [1 / 6, 2 / 14, 3 / 26, 4 / 17]);
  });

  it('has the constants of its dialect', async () => {
    const all = (own: number): number => own / Math.sqrt(1 + 30);
    await expectValues(nn.localResponseNorm({ dialect: 'tfFused' }).forward(x), [1, 2, 3, 4].map(all));
    await expectValues(nn.localResponseNorm({ dialect: 'caffe' }).forward(tensor([[2]])), [2 / (1 + 4 / 5) ** 0.75]);
    await expectValues(nn.localResponseNorm().forward(tensor([[200]])), [200 / (1 + 1e-4 * 40000 / 5) ** 0.75], 4);
  });

  it('reaches over space as Caffe does within a channel', async () => {
    const layer = nn.localResponseNorm({ size: 3, alpha: 9, beta: 1, over: 'space' });
    await expectValues(layer.forward(x.reshape([1, 2, 2, 1])), [1, 2, 3, 4].map((v) => v / 31));
  });
});

describe('filterResponseNorm and thresholdedLinearUnit', () => {
  it('divide by the response of each filter, and cut at a learned threshold', async () => {
    const layer = nn.filterResponseNorm({ epsilon: 0 });
    const x = tensor([[[3], [-4]]]);
    await expectValues(layer.forward(x), [3 / Math.sqrt(12.5), 0]);
    layer.threshold!.write([-1]);
    await expectValues(layer.forward(x), [3 / Math.sqrt(12.5), -1]);
    await expectValues(nn.filterResponseNorm({ epsilon: 0, threshold: false }).forward(x), [3 / Math.sqrt(12.5), -4 / Math.sqrt(12.5)]);
    const unit = nn.thresholdedLinearUnit();
    await expectValues(unit.forward(x), [3, 0]);
  });

  it('learn an epsilon where a filter has one response', async () => {
    const layer = nn.filterResponseNorm({ learnEpsilon: true, epsilon: 0 });
    await expectValues(layer.forward(tensor([[0.01]])), [0.01 / Math.sqrt(2e-4)]);
    expect([...layer.namedParams().keys()]).toEqual(['scale', 'shift', 'threshold', 'learnedEpsilon']);
  });
});

describe('evoNormS0 and evoNormB0', () => {
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

  it('S0 gates x and divides by the deviation of its group', async () => {
    const layer = nn.evoNormS0({ groups: 1, epsilon: 0 });
    await expectValues(layer.forward(tensor([[[1, 5]]])), [1, 5].map((v) => (v * sigmoid(v)) / 2));
    layer.gate.write([0, 2]);
    await expectValues(layer.forward(tensor([[[1, 5]]])), [0.25, (5 * sigmoid(10)) / 2]);
  });

  it('B0 divides by the larger of the deviations of batch and, with x, instance', async () => {
    const layer = nn.evoNormB0({ epsilon: 0, decay: 0.5 });
    const x = tensor([[[-3], [-1]], [[1], [3]]]);
    const batch = Math.sqrt(5);
    await expectValues(withMode('train', () => layer.forward(x)), [-3 / batch, -1 / batch, 1 / batch, 3 / 4]);
    expect((await layer.runningVariance.read())[0]).toBeCloseTo(0.5 + 0.5 * 20 / 3, 5);
    const running = Math.sqrt(0.5 + 10 / 3);
    await expectValues(layer.forward(x), [-3 / running, -1 / running, 1 / 2, 3 / 4]);
  });
});

describe('globalResponseNorm', () => {
  it('starts as the identity, and then sets channels against their mean length', async () => {
    const layer = nn.globalResponseNorm({ epsilon: 0 });
    const x = tensor([[[3, 1], [4, 0]]]);
    await expectValues(layer.forward(x), x);
    layer.scale!.write([1, 1]);
    layer.shift!.write([0, 2]);
    await expectValues(layer.forward(x), [3 + 3 * 5 / 3, 1 + 1 / 3 + 2, 4 + 4 * 5 / 3, 2]);
  });

  it('has a gradient where a channel is 0 everywhere', async () => {
    const x = tensor([[[3, 0], [4, 0]]]);
    const layer = nn.globalResponseNorm();
    layer.build([2, 2]);
    layer.scale!.write([1, 1]);
    const [dx] = grad(layer.forward(x).sum(), [x]);
    expect([...await dx.data()].every(Number.isFinite)).toBe(true);
  });
});

describe('adaptiveInstanceNorm and spade', () => {
  it('gives x the mean and deviation of the style', async () => {
    const [x, style] = [random([2, 4, 3, 2]), random([2, 5, 5, 2], 2).mul(3).add(1)];
    const y = nn.adaptiveInstanceNorm({ epsilon: 0 }).forward(x, style);
    await expectValues(y.mean([1, 2]), style.mean([1, 2]));
    await expectValues(y.variance([1, 2]), style.variance([1, 2]), 4);
    await expectValues(nn.adaptiveInstanceNorm({ epsilon: 0 }).forward(x, x), x);
  });

  it('starts near instance norm with a vector, which then scales and shifts', async () => {
    const layer = nn.adaptiveInstanceNorm({ style: 'vector' });
    const x = random([2, 4, 3, 2]);
    await expectValues(layer.forward(x, tensor([[0, 0, 0]])), nn.instanceNorm().forward(x));
    layer.weight!.write([1, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
    const y = layer.forward(x, tensor([[1, 0, 0], [2, 0, 0]]));
    await expectValues(y, nn.instanceNorm().forward(x).mul(tensor([[2, 1], [3, 1]]).reshape([2, 1, 1, 2])).add(tensor([[0, 5], [0, 10]]).reshape([2, 1, 1, 2])));
  });

  it('modulates by the nearest pixels of a map', async () => {
    const layer = nn.spade({ hidden: 1, kernel: 1 });
    const x = random([1, 4, 2, 1]);
    const map = tensor([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 4, 1]);
    layer.forward(x, map);
    for (const [name, value] of [['sharedWeight', 1], ['sharedBias', 0], ['scaleWeight', 0], ['scaleBias', 1], ['shiftWeight', 10], ['shiftBias', 0]] as const) layer[name].write([value]);
    const picked = tensor([1, 3, 1, 3, 5, 7, 5, 7], [1, 4, 2, 1]);
    await expectValues(layer.forward(x, map), nn.instanceNorm().forward(x).mul(2).add(picked.mul(10)), 4);
  });

  it('modulates whatever norm it is given', async () => {
    const layer = nn.spade({ norm: nn.batchNorm({ scale: false, center: false }), hidden: 2 });
    const x = random([2, 3, 3, 2]);
    withMode('train', () => layer.forward(x, random([2, 3, 3, 1])));
    expect([...layer.namedBuffers().keys()]).toEqual(['norm.runningMean', 'norm.runningVariance']);
    expect([...layer.namedParams().keys()]).toEqual(['sharedWeight', 'sharedBias', 'scaleWeight', 'scaleBias', 'shiftWeight', 'shiftBias']);
  });
});

describe('switchableNorm', () => {
  const x = random([3, 4, 2, 5]);
  const share = (kind: number): number[] => [0, 1, 2].map((k) => (k === kind ? 200 : 0));
  const plain = { scale: false, center: false } as const;

  it.each([
    [0, 'instance norm', () => nn.instanceNorm()], [1, 'layer norm over a sample', () => nn.layerNorm({ axes: [1, 2, 3], ...plain })],
    [2, 'batch norm', () => nn.batchNorm(plain)],
  ] as const)('with share %i alone is %s', async (kind, _, make) => {
    const layer = nn.switchableNorm();
    layer.build([4, 2, 5]);
    layer.meanWeights.write(share(kind));
    layer.varianceWeights.write(share(kind));
    await expectValues(withMode('train', () => layer.forward(x)), withMode('train', () => make().forward(x)));
  });

  it('keeps the running statistics of batch norm, and evaluates by them', async () => {
    const [layer, norm] = [nn.switchableNorm(), nn.batchNorm()];
    layer.build([4, 2, 5]);
    layer.meanWeights.write(share(2));
    layer.varianceWeights.write(share(2));
    await Promise.all([layer, norm].map((each) => withMode('train', () => each.forward(x)).data()));
    await expectValues(layer.runningMean.value, norm.runningMean.value);
    await expectValues(layer.runningVariance.value, norm.runningVariance.value);
    await expectValues(layer.forward(x), norm.forward(x));
  });

  it('mixes equal shares at first', async () => {
    const y = withMode('train', () => nn.switchableNorm({ ...plain, epsilon: 0 }).forward(tensor([[[1], [3]], [[5], [7]]])));
    const mean = [(2 + 2 + 4) / 3, (6 + 6 + 4) / 3];
    const deviation = Math.sqrt((1 + 1 + 5) / 3);
    await expectValues(y, [1, 3, 5, 7].map((v, i) => (v - mean[i >> 1]) / deviation));
  });

  it('has no instances where a channel is one value', async () => {
    const layer = nn.switchableNorm();
    layer.build([4]);
    expect(layer.meanWeights.shape).toEqual([2]);
    layer.meanWeights.write([200, 0]);
    layer.varianceWeights.write([200, 0]);
    const rows = random([3, 4]);
    await expectValues(withMode('train', () => layer.forward(rows)), nn.layerNorm().forward(rows));
  });
});

describe('dynamicTanh and queryKeyNorm', () => {
  it('bends each value', async () => {
    const layer = nn.dynamicTanh();
    await expectValues(layer.forward(tensor([[1, -2]])), [Math.tanh(0.5), Math.tanh(-1)]);
    layer.slope.write([2]);
    layer.scale!.write([1, 3]);
    await expectValues(layer.forward(tensor([[1, -2]])), [Math.tanh(2), 3 * Math.tanh(-4)]);
    await expectValues(nn.dynamicTanh({ slope: 1 }).forward(tensor([[1, -2]])), [Math.tanh(1), Math.tanh(-2)]);
  });

  it('bounds the logits by the gain, or by the root of the head size', async () => {
    const [q, k] = [random([2, 3, 4]).mul(100), random([2, 5, 4], 2).mul(100)];
    const unit = nn.queryKeyNorm({ norm: 'unit' });
    const logits = (layer: nn.QueryKeyNorm): Tensor => {
      const { query, key } = layer.forward(q, k);
      return query.matmul(key.transpose([0, 2, 1]));
    };
    expect(Math.max(...Array.from(await logits(unit).data(), Math.abs))).toBeLessThanOrEqual(Math.log2(20) * 1.0001);
    expect((await unit.gain!.read())[0]).toBeCloseTo(Math.log2(20), 5);
    expect(Math.max(...Array.from(await logits(nn.queryKeyNorm()).data(), Math.abs))).toBeLessThanOrEqual(2.0001);
    expect([...unit.namedParams().keys()]).toEqual(['gain']);
  });

  it('normalizes by what it is asked to', async () => {
    const q = random([2, 3, 4]);
    await expectValues(nn.queryKeyNorm().forward(q, q).query, nn.rmsNorm({ epsilon: 1e-6 }).forward(q).div(2));
    await expectValues(nn.queryKeyNorm({ norm: 'layer' }).forward(q, q).key, nn.layerNorm({ epsilon: 1e-6 }).forward(q));
  });
});

describe('the affine part', () => {
  it('is off where it is told so, starts where it is told to, and trains where it should', () => {
    for (const make of [nn.layerNorm, nn.groupNorm, nn.evoNormS0, nn.filterResponseNorm, nn.dynamicTanh]) {
      const names = (options: nn.AffineOptions): string[] => paramsOf(make({ groups: 2, threshold: false, ...options } as object)).filter((name) => name === 'scale' || name === 'shift');
      expect(names({})).toEqual(['scale', 'shift']);
      expect(names({ scale: false })).toEqual(['shift']);
      expect(names({ center: false })).toEqual(['scale']);
      expect(names({ scale: false, center: false })).toEqual([]);
    }
  });

  it('stays frozen with trainAffine: false, through freeze and unfreeze', async () => {
    const layer = nn.groupNorm({ groups: 2, trainAffine: false, initialScale: 0 });
    layer.build([2, 4]);
    expect(layer.params().map((p) => p.trainable)).toEqual([false, false]);
    layer.freeze().unfreeze();
    expect(layer.params().map((p) => p.trainable)).toEqual([false, false]);
    await expectValues(layer.forward(random([1, 2, 4])), new Array<number>(8).fill(0));
  });

  it('is followed by the activation', async () => {
    await expectValues(nn.layerNorm({ epsilon: 0, activation: 'relu' }).forward(tensor([[1, 3]])), [0, 1]);
    await expectValues(nn.instanceNorm({ epsilon: 0, activation: (y) => y.mul(2) }).forward(tensor([[[1], [3]]])), [-2, 2]);
  });
});

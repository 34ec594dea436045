/** What the per-sample family refuses, in words. */
import { describe, expect, it } from 'vitest';
import * as nn from '../../../src/nn/index.ts';
import { zeros } from '../../../src/tensor/index.ts';
import type { Tensor } from '../../../src/tensor/index.ts';
import { faultText } from '../../support/fault-text.ts';

const built = <M extends nn.Module>(layer: M, sample: readonly number[]): M => {
  layer.build(sample);
  return layer;
};

describe('features and channels', () => {
  it('E330: other features than the layer has', () => {
    expect(faultText(() => built(nn.layerNorm({ axes: [1, 2] }), [3, 4]).forward(zeros([2, 3, 5])))).toEqual([
      'E330 layerNorm: the input must have the features [3, 4].', 'input [2, 3, 5]   axes [1, 2]', '5 (input, axis 2) != 4 (layer)', 'in model (layerNorm)',
      'Fix: use a layer of its own for inputs of another size, or leave the affine part out: { scale: false, center: false }',
    ]);
    expect(() => built(nn.rmsNorm(), [4]).forward(zeros([2, 5]))).toThrow('E330 rmsNorm: the input must have the features [4]');
  });

  it('E101: offsets that rmsNorm does not have', () => {
    expect(() => nn.rmsNorm({ center: true } as nn.RmsNormOptions)).toThrow('E101 rmsNorm: center is not an option of this layer');
  });

  it('takes any size where nothing was learned for one', () => {
    expect(built(nn.layerNorm({ axes: [1, 2, 3], scale: false, center: false }), [4, 4, 3]).forward(zeros([1, 8, 8, 3])).shape).toEqual([1, 8, 8, 3]);
  });

  it('E310: other channels, and where they stand', () => {
    for (const layer of [nn.groupNorm({ groups: 2 }), nn.instanceNorm({ scale: true }), nn.filterResponseNorm(), nn.evoNormS0({ groups: 2 }), nn.evoNormB0(), nn.switchableNorm(), nn.globalResponseNorm(), nn.dynamicTanh(), nn.thresholdedLinearUnit(), nn.instanceNorm({ running: true })]) {
      built(layer, [3, 4]);
      expect(() => (layer as nn.Model).forward(zeros([2, 4, 6]))).toThrow(/E310 \w+: the input must have 4 channels\.\n +input \[2, 4, 6\]\n +6 \(input, axis 2\) != 4 \(layer\)\n[^]*axis: 1/);
    }
  });

  it('E312: axes that cannot hold channels', () => {
    for (const axis of [0, 3, -3]) {
      for (const layer of [nn.groupNorm({ axis }), nn.instanceNorm({ axis }), nn.pixelNorm({ axis }), nn.localResponseNorm({ axis }), nn.dynamicTanh({ axis })]) {
        expect(() => (layer as nn.Model).forward(zeros([2, 3, 4]))).toThrow('E312');
      }
    }
  });

  it('E333: axes that a sample does not have', () => {
    expect(faultText(() => nn.layerNorm({ axes: [0, 1] }).forward(zeros([2, 3, 4])))).toEqual([
      'E333 layerNorm: axes must name different axes of a sample, not the batch.', 'input [2, 3, 4]   axes [0, 1]', 'in model (layerNorm)',
      'Fix: for the last axis write axes: -1, for all of a sample axes: [1, 2]',
    ]);
    for (const axes of [[], [3], [1, -2], [1.5]]) expect(() => nn.rmsNorm({ axes }).forward(zeros([2, 3, 4]))).toThrow('E333 rmsNorm');
    expect(() => nn.unitNorm().forward(zeros([3]))).toThrow('Fix: give the input a batch axis: x.expandDims(0)');
  });
});

describe('groups', () => {
  it('E331: groups that do not divide', () => {
    expect(faultText(() => nn.groupNorm({ groups: 5 }).forward(zeros([2, 3, 12])))).toEqual([
      'E331 groupNorm: groups must divide the channels.', '12 channels   groups 5', 'in model (groupNorm 5)', 'Fix: 4 divides them: write groupNorm({ groups: 4 })',
    ]);
    expect(() => nn.groupNorm().forward(zeros([2, 3, 12]))).toThrow('Fix: 6 divides them: write groupNorm({ groups: 6 })');
    // Twelve groups of one channel would be instance normalization.
    expect(() => nn.groupNorm({ groupSize: 5 }).forward(zeros([2, 3, 7]))).toThrow('Fix: 7 divides them: write groupNorm({ groupSize: 7 })');
    expect(() => nn.groupNorm({ groups: 5 }).forward(zeros([2, 3, 7]))).toThrow('Fix: 1 divides them: write groupNorm({ groups: 1 })');
    expect(() => nn.groupNorm().forward(zeros([2, 3, 1]))).toThrow('Fix: 1 divides them: write groupNorm({ groups: 1 })');
    expect(() => nn.evoNormS0({ groupSize: 7 }).forward(zeros([2, 3, 12]))).toThrow('12 channels   groupSize 7');
  });

  it('E101: numbers of groups that cannot be', () => {
    expect(faultText(() => nn.groupNorm({ groups: -1 }))).toEqual([
      'E101 groupNorm: groups must be a whole number from 1.', 'got -1', 'Fix: for a group for each channel use instanceNorm()',
    ]);
    expect(() => nn.groupNorm({ groupSize: 1.5 })).toThrow('E101 groupNorm: groupSize must be a whole number from 1');
    expect(() => nn.evoNormS0({ groups: 2, groupSize: 2 })).toThrow('E101 evoNormS0: groups and groupSize exclude each other');
  });
});

describe('slices of one value', () => {
  it('E332: they would all become the same', () => {
    expect(faultText(() => nn.instanceNorm().forward(zeros([4, 1, 1, 3])))).toEqual([
      'E332 instanceNorm: a channel of a sample must hold more than one value.', 'input [4, 1, 1, 3] leaves one: whatever it is, it becomes the same',
      'in model (instanceNorm)', 'Fix: use groupNorm or layerNorm, which take channels together',
    ]);
    expect(() => nn.groupNorm({ groups: 3 }).forward(zeros([2, 3]))).toThrow('Fix: use fewer groups, for example groupNorm({ groups: 1 })');
    expect(() => nn.layerNorm().forward(zeros([2, 3, 1]))).toThrow('E332 layerNorm');
    expect(() => nn.rmsNorm({ axes: [1, 2] }).forward(zeros([2, 1, 1]))).toThrow('E332 rmsNorm');
    expect(() => nn.evoNormS0({ groupSize: 1 }).forward(zeros([2, 3]))).toThrow('E332 evoNormS0');
    expect(() => nn.filterResponseNorm().forward(zeros([2, 3]))).toThrow('Fix: write { learnEpsilon: true }, which the paper has for this');
    expect(() => nn.instanceNorm({ running: true }).build([3])).not.toThrow();
    expect(() => nn.instanceNorm({ running: true, evaluation: 'batch' }).forward(zeros([4, 3]))).toThrow('E332 instanceNorm');
  });

  it('takes single positions where several channels go together', () => {
    expect(nn.groupNorm({ groups: 2 }).forward(zeros([1, 4])).shape).toEqual([1, 4]);
  });
});

describe('companions', () => {
  const x = zeros([2, 3, 3, 4]);

  it('E334: styles that do not fit', () => {
    expect(faultText(() => nn.adaptiveInstanceNorm().forward(x, zeros([2, 3, 3, 5])))).toEqual([
      'E334 adaptiveInstanceNorm: the style must be features with 4 channels on axis 3, of one sample or as many as the input.',
      'input [2, 3, 3, 4]   style [2, 3, 3, 5]', 'in model (adaptiveInstanceNorm)', 'Fix: reshape the style, or give one for each sample of the input',
    ]);
    expect(() => nn.adaptiveInstanceNorm().forward(x)).toThrow('Fix: call adaptiveInstanceNorm with it: layer.forward(x, style)');
    expect(() => nn.adaptiveInstanceNorm({ style: 'vector' }).forward(x, zeros([3, 5]))).toThrow('E334 adaptiveInstanceNorm: the style must be a vector [N, K]');
    const layer = nn.adaptiveInstanceNorm({ style: 'vector' });
    layer.forward(x, zeros([1, 5]));
    expect(() => layer.forward(x, zeros([2, 6]))).toThrow('a vector [N, 5]');
  });

  it('E334, E300: maps and images that do not fit', () => {
    expect(() => nn.spade().forward(x, zeros([3, 3, 3, 1]))).toThrow('E334 spade: the map must be a map [N, H, W, labels] for each image, or one for all');
    expect(() => nn.spade().forward(x)).toThrow('map missing');
    expect(() => nn.spade().forward(zeros([2, 3]), zeros([2, 3]))).toThrow('E300 spade');
    expect(() => nn.localResponseNorm({ over: 'space' }).forward(zeros([2, 3]))).toThrow('E300 localResponseNorm');
  });

  it('E334: keys that do not fit the queries', () => {
    const refuses = (q: Tensor, k: Tensor): void => expect(() => nn.queryKeyNorm().forward(q, k)).toThrow(/E334 queryKeyNorm: the key must be \[..., M, \d\]/);
    refuses(zeros([2, 3, 4]), zeros([2, 3, 5]));
    refuses(zeros([3, 4]), zeros([3, 4]));
    refuses(zeros([2, 3, 4]), zeros([3, 4]));
  });

  it('E313: masks that do not lie over the input', () => {
    for (const mask of [zeros([2]), zeros([2, 3, 4]), zeros([2, 3, 3, 4]), zeros([3, 3, 3])]) {
      expect(() => nn.instanceNorm().forward(x, { mask })).toThrow('E313 instanceNorm: the mask must tell for each position, all channels alike, whether it counts');
    }
    expect(nn.groupNorm({ groups: 2 }).forward(x, { mask: zeros([2, 3, 1]) }).shape).toEqual(x.shape);
  });
});

describe('options', () => {
  it('E101: out of range, or none of those known', () => {
    for (const make of [nn.layerNorm, nn.rmsNorm, nn.groupNorm, nn.pixelNorm, nn.filterResponseNorm, nn.evoNormS0, nn.evoNormB0, nn.globalResponseNorm, nn.adaptiveInstanceNorm]) {
      expect(() => make({ epsilon: -1 })).toThrow(/E101 \w+: epsilon must be a finite number, 0 or more\.\n +got -1/);
    }
    expect(() => nn.instanceNorm({ epsilon: Number.NaN })).toThrow('E101 instanceNorm');
    expect(() => nn.unitNorm({ epsilon: 0 })).toThrow('E101 unitNorm: epsilon must be at least 1e-18');
    expect(() => nn.unitNorm({ order: 3 as 2 })).toThrow('E101 unitNorm: order must be 1 or 2');
    expect(() => nn.dynamicTanh({ slope: 0 })).toThrow('E101 dynamicTanh: slope must be a number other than 0');
    expect(() => nn.localResponseNorm({ size: 0 })).toThrow('E101 localResponseNorm: size must be a whole number from 1');
    expect(() => nn.localResponseNorm({ size: 4, over: 'space' })).toThrow('Fix: write size: 5');
    expect(() => nn.localResponseNorm({ offset: 0 })).toThrow('E101 localResponseNorm: offset must be above 0');
    expect(() => nn.spade({ hidden: 0 })).toThrow('E101 spade: hidden');
    expect(() => nn.spade({ kernel: 2 })).toThrow('E101 spade: kernel must be an odd whole number from 1');
    expect(() => nn.layerNorm({ dialect: 'caffe' as 'torch' })).toThrow('E101 layerNorm: there is no dialect "caffe".\n     Fix: choose one of torch, keras, tfFused, onnx, flax');
    expect(() => nn.adaptiveInstanceNorm({ style: 'x' as 'vector' })).toThrow('E101 adaptiveInstanceNorm: there is no style "x"');
    expect(() => nn.queryKeyNorm({ norm: 'x' as 'rms' })).toThrow('E101 queryKeyNorm: there is no norm "x"');
    expect(() => nn.groupNorm({ activation: 'x' as 'relu' })).toThrow('E101 groupNorm: there is no activation "x"');
  });
});

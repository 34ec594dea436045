import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../src/base/index.ts';
import * as nn from '../../../src/nn/index.ts';
import { convTranspose2d, tensor } from '../../../src/tensor/index.ts';
import type { Param, Tensor } from '../../../src/tensor/index.ts';

const random = new RandomStream(7, 'fold');
const draw = (shape: readonly number[]): Tensor => tensor(Float32Array.from({ length: shape.reduce((n, extent) => n * extent, 1) }, () => random.normal()), shape);

/** Statistics and factors as of a trained model. */
function unsettle(model: nn.Module): void {
  for (const norm of nn.normsOf(model, nn.Normalization).values()) {
    for (const ref of [norm.scale, norm.shift, norm.runningMean]) ref?.write(Float32Array.from({ length: ref.size }, () => random.normal()));
    norm.runningVariance.write(Float32Array.from({ length: norm.runningVariance.size }, () => 0.1 + 3 * random.uniform()));
  }
}

/** The largest difference that folding makes to the output. */
async function difference(model: nn.Model, sample: readonly number[], options?: nn.FoldNormsOptions): Promise<{ readonly error: number; readonly report: nn.FoldReport }> {
  model.build(sample);
  unsettle(model);
  const x = draw([3, ...sample]);
  const before = await model.forward(x).data();
  const report = await nn.foldNorms(model, options);
  const after = await model.forward(x).data();
  const size = Math.max(...before.map(Math.abs));
  return { error: Math.max(...before.map((value, i) => Math.abs(value - after[i]))) / size, report };
}

/** A transposed convolution as a user writes one. */
class Up extends nn.Module {
  weight!: Param;
  bias: Param | undefined;
  protected override setup(x: Tensor): void {
    this.weight = this.param('weight', [3, 3, 5, x.shape[3]], nn.init.normal(0.3), { fanIn: 1, fanOut: 1 });
  }
  forward(x: Tensor): Tensor {
    const y = convTranspose2d(x, this.weight, { stride: 2 });
    return this.bias ? y.add(this.bias) : y;
  }
}

class Residual extends nn.Module {
  first = nn.conv2d(4, 3, { padding: 'same', bias: false });
  firstNorm = nn.batchNorm({ activation: 'relu' });
  second = nn.conv2d(4, 3, { padding: 'same' });
  secondNorm = nn.batchNorm();
  shared = nn.batchNorm();
  forward(x: Tensor): Tensor {
    const y = this.secondNorm.forward(this.second.forward(this.firstNorm.forward(this.first.forward(x))));
    return this.shared.forward(x.add(y));
  }
}

describe('foldNorms', () => {
  it('folds batch normalization into the layers before it, and the outputs stay', async () => {
    const model = nn.sequential(nn.conv2d(6, 3, { padding: 1 }), nn.batchNorm(), nn.relu(), nn.conv2d(6, 3, { groups: 6, bias: false, padding: 'same' }), nn.batchNorm2d({ dialect: 'keras' }),
      nn.flatten(), nn.linear(5, { bias: false }), nn.batchNorm1d({ scale: false }));
    const { error, report } = await difference(model, [5, 4, 2]);
    expect(error).toBeLessThan(1e-5);
    expect([...report.folded]).toEqual([['1', '0'], ['4', '3'], ['7', '6']]);
    expect(report.kept.size).toBe(0);
    expect([...model.namedBuffers().keys()]).toEqual([]);
    expect([...model.namedParams().keys()]).toEqual(['0.weight', '0.bias', '3.weight', '3.bias', '6.weight', '6.bias']);
  });

  it('folds layers of users, a transposed convolution for one', async () => {
    const { error, report } = await difference(nn.sequential(new Up(), nn.batchNorm()), [3, 3, 2], { kinds: [{ kind: Up, outputAxis: -2 }] });
    expect(error).toBeLessThan(1e-5);
    expect([...report.folded]).toEqual([['1', '0']]);
  });

  it.each([1, 2])('folds transposed convolutions of %i groups', async (groups) => {
    const { error, report } = await difference(nn.sequential(nn.convTranspose2d(6, 3, { stride: 2, padding: 1, groups }), nn.batchNorm()), [3, 3, 4]);
    expect(error).toBeLessThan(1e-5);
    expect(report.folded.size).toBe(1);
  });

  it.each([
    ['a convolution with stride and padding', () => [nn.conv2d(6, 3, { stride: 2, padding: 'same' }), nn.batchNorm()]],
    ['a dilated convolution of 2 groups', () => [nn.conv2d(6, 2, { dilation: 2, groups: 2, bias: false }), nn.batchNorm()]],
    ['a depthwise convolution with two outputs for each channel', () => [nn.conv2d(8, 3, { groups: 4, padding: 1 }), nn.batchNorm()]],
    ['a depthwise convolution behind', () => [nn.batchNorm(), nn.conv2d(4, 3, { groups: 4 })]],
    ['a pointwise convolution behind, which pads nothing', () => [nn.batchNorm(), nn.conv2d(5, 1, { padding: 'same' })]],
    ['a transposed depthwise convolution', () => [nn.convTranspose2d(4, 3, { stride: 2, padding: 1, groups: 4, bias: false }), nn.batchNorm()]],
    ['a linear layer of pixels', () => [nn.linear(5), nn.batchNorm({ center: false })]],
    ['a linear layer of pixels behind', () => [nn.batchNorm({ dialect: 'keras' }), nn.linear(5, { bias: false })]],
    ['frozen normalization', () => [nn.conv2d(4, 3), nn.frozenBatchNorm()]],
  ])('folds into %s', async (_, layers) => {
    const { error, report } = await difference(nn.sequential(...layers()), [6, 5, 4]);
    expect(error).toBeLessThan(1e-5);
    expect(report.folded.size).toBe(1);
  });

  it('reads who feeds whom from the forward of a class, and leaves what other things read too', async () => {
    const model = new Residual();
    const { error, report } = await difference(model, [5, 5, 4]);
    expect(error).toBeLessThan(1e-5);
    expect([...report.folded]).toEqual([['firstNorm', 'first'], ['secondNorm', 'second']]);
    expect([...report.kept]).toEqual([['shared', 'no linear layer or convolution has it alone before or behind it']]);
  });

  it('folds into the layer behind where there is none before', async () => {
    const model = nn.sequential(nn.batchNorm(), nn.conv2d(4, 3, { groups: 2 }), nn.relu(), nn.flatten(), nn.batchNorm(), nn.linear(3, { bias: false }));
    const { error, report } = await difference(model, [5, 5, 4]);
    expect(error).toBeLessThan(1e-5);
    expect([...report.folded]).toEqual([['0', '1'], ['4', '5']]);
  });

  it('folds what was inserted', async () => {
    const model = new Residual();
    expect(nn.insertAfter(model, 'second', nn.batchNorm())).toBe('second.after');
    const { error, report } = await difference(model, [5, 5, 4]);
    expect(error).toBeLessThan(1e-5);
    expect([...report.folded]).toEqual([['firstNorm', 'first'], ['second.after', 'second'], ['secondNorm', 'second']]);
  });

  it('folds several in a row, and weights by rule', async () => {
    const { error, report } = await difference(nn.sequential(nn.batchNorm(), nn.batchNorm(), nn.weightNorm(nn.linear(4)), nn.batchNorm(), nn.batchNorm()), [3]);
    expect(error).toBeLessThan(1e-5);
    expect(report.folded.size).toBe(4);
  });

  it('keeps what is no factor and offset in evaluation', async () => {
    const model = nn.sequential(nn.linear(4), nn.layerNorm(), nn.linear(4), nn.batchNorm({ evaluation: 'batch' }), nn.linear(4), nn.batchNorm());
    const { error, report } = await difference(model, [3], { keep: ['5'] });
    expect(error).toBe(0);
    expect([...report.kept.keys()]).toEqual(['1', '3', '5']);
    expect(report.kept.get('1')).toBe('its output in evaluation is not a factor and an offset for each channel of the last axis');
  });

  it('keeps a layer behind weights that are read elsewhere too: tied weights would change for both', async () => {
    class Decoder extends nn.Module {
      encode = nn.linear(3);
      norm = nn.batchNorm();
      readonly read: 'weight' | 'bias';
      constructor(read: 'weight' | 'bias') { super(); this.read = read; }
      forward(x: Tensor): Tensor {
        const y = this.norm.forward(this.encode.forward(x)).relu();
        return this.read === 'weight' ? y.matmul(this.encode.weight.value.transpose()) : y.add(this.encode.bias!.value);
      }
    }
    for (const read of ['weight', 'bias'] as const) {
      const model = new Decoder(read);
      model.build([4]);
      const { folded, kept } = await nn.foldNorms(model);
      expect([folded.size, kept.get('norm')]).toEqual([0, 'the weights of encode are read elsewhere too']);
    }
    class Tied extends nn.Module {
      norm = nn.batchNorm();
      last = nn.linear(3);
      forward(x: Tensor): Tensor {
        return this.last.forward(this.norm.forward(x)).matmul(this.last.weight);
      }
    }
    const tied = new Tied();
    tied.build([3]);
    expect((await nn.foldNorms(tied)).kept.get('norm')).toBe('the weights of last are read elsewhere too');
  });

  it('keeps a layer with several keys: folding would leave the statistics of one', async () => {
    const model = nn.sequential({ input: [3] }, nn.linear(2), nn.batchNorm({ keys: ['real', 'fake'] }));
    const { folded, kept } = await nn.foldNorms(model);
    expect([folded.size, kept.get('1')]).toEqual([0, 'it keeps running statistics for several keys']);
  });

  it('refuses to fold into a convolution that pads, and changes nothing', async () => {
    const model = nn.sequential(nn.batchNorm(), nn.conv2d(2, 3, { padding: 'same' }), nn.batchNorm());
    await expect(difference(model, [4, 4, 1])).rejects.toThrow('E362 foldNorms: a normalization cannot be folded into a convolution behind it that pads with zeros.\n' +
      '     0 is followed by 1 (conv2d 2, 3x3)\n     the zeros are put in behind the normalization: it would shift them too, and the borders would change\n' +
      "     Fix: leave it as it is, foldNorms(model, { keep: ['0'] }), or pad the model's input instead");
    expect(nn.normsOf(model).size).toBe(2);
    expect((await difference(model, [4, 4, 1], { keep: ['0'] })).error).toBeLessThan(1e-5);
  });

  it.each([
    ['groups', { padding: 1, groups: 2 }], ['one axis alone', { padding: [0, 1] }], ['stride', { padding: 'same', stride: 2 }],
  ] as const)('refuses a convolution with %s that pads', async (_, options) => {
    await expect(difference(nn.sequential(nn.batchNorm(), nn.conv2d(4, 3, options)), [4, 4, 4])).rejects.toThrow('E362');
  });

  it('folds into a convolution that pads if nothing is added: zeros stay zeros', async () => {
    const model = nn.sequential({ input: [4, 4, 2] }, nn.batchNorm({ center: false }), nn.conv2d(3, 3, { padding: 1 }));
    const norm = nn.normsOf(model, nn.BatchNorm).get('0')!;
    norm.runningVariance.write([0.2, 3]);
    norm.scale!.write([-1.5, 2]);
    const x = draw([2, 4, 4, 2]);
    const before = await model.forward(x).data();
    expect((await nn.foldNorms(model)).folded.get('0')).toBe('1');
    (await model.forward(x).data()).forEach((value, i) => expect(Math.abs(value - before[i])).toBeLessThan(1e-5));
  });

  it('leaves normalization before a transposed convolution, whose windows are cut at the borders', async () => {
    const { error, report } = await difference(nn.sequential(nn.batchNorm(), nn.convTranspose2d(3, 3, { stride: 2, padding: 1 })), [3, 3, 2]);
    expect(error).toBe(0);
    expect([...report.kept]).toEqual([['0', 'nothing is known of the layer behind it']]);
  });

  it('leaves an activation in place', async () => {
    const { report } = await difference(nn.sequential(nn.linear(4), nn.batchNorm({ activation: 'relu' })), [3]);
    expect([...report.folded]).toEqual([['1', '0']]);
    const { report: none } = await difference(nn.sequential(nn.batchNorm({ activation: 'relu' }), nn.linear(4)), [3]);
    expect(none.kept.get('0')).toBe('its activation stands between it and the layer behind it');
  });

  it('folds where a variance is nearly 0, and the factor large', async () => {
    const model = nn.sequential({ input: [2] }, nn.linear(1), nn.batchNorm());
    nn.normsOf(model, nn.BatchNorm).get('1')!.runningVariance.write([1e-9]);
    const x = draw([4, 2]);
    const before = await model.forward(x).data();
    await nn.foldNorms(model);
    const after = await model.forward(x).data();
    before.forEach((value, i) => expect(Math.abs(value - after[i])).toBeLessThan(1e-4 * Math.max(1, Math.abs(value))));
  });

  it('needs a model that was built', async () => {
    await expect(nn.foldNorms(nn.sequential(nn.linear(2)))).rejects.toThrow('E320');
  });
});

/** PyTorch's values are in test/goldens/norms-torch-weights.test.ts. */
import { describe, expect, it } from 'vitest';
import * as ek from '../../../src/index.ts';
import { nn } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { checkGradient, randomDense, randomValues } from '../../support/check-op.ts';

describe('weightNorm', () => {
  it('changes nothing at first, and gives every unit a length of its own', async () => {
    const [plain, wrapped] = [nn.sequential({ input: [3], seed: 5 }, nn.linear(4)), nn.sequential({ input: [3], seed: 5 }, nn.weightNorm(nn.linear(4)))];
    const x = ek.random.normal([2, 3], { seed: 1 });
    const expected = await plain.forward(x).data();
    (await wrapped.forward(x).data()).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
    expect([...wrapped.namedParams()].map(([name, { shape }]) => `${name} [${shape}]`)).toEqual(['0.weight [3,4]', '0.bias [4]', '0.weightNorm.length [4]']);
  });

  it('gives a gradient across the direction', async () => {
    const layer = nn.weightNorm(nn.linear(3, { bias: false }));
    layer.build([5]);
    const step = ek.compile('step', ({ x }) => {
      const [g] = ek.grad(layer.forward(x).square().sum(), [layer.weight]);
      return { along: g.mul(layer.weight.value).sum(0).abs().max(), size: g.abs().max() };
    });
    const { along, size } = await step({ x: ek.random.normal([4, 5], { seed: 2 }) });
    expect(along).toBeLessThan(1e-4 * size);
  });
});

describe('spectralNorm', () => {
  it('divides by the largest singular value, within 1e-3 after its warm-up', async () => {
    // Singular values 3, 2, 1 between orthonormal vectors.
    const [a, b] = [[0.6, 0.8, 0], [-0.8, 0.6, 0]];
    const weight = [0, 1, 2].map((row) => [3 * a[row], 2 * b[row], row === 2 ? 1 : 0]);
    const layer = nn.spectralNorm(nn.linear(3, { bias: false, init: () => Float32Array.from(weight.flat()) }));
    layer.build([3]);
    const effective = await layer.forward(ek.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]])).data();
    effective.forEach((value, i) => expect(value).toBeCloseTo(weight.flat()[i] / 3, 3));
  });

  it('moves its vectors also when a training step is the first to call it', async () => {
    const [layer, built] = [nn.spectralNorm(nn.linear(4)), nn.spectralNorm(nn.linear(4))];
    built.build([5]);
    const x = ek.random.normal([2, 5], { seed: 1 });
    const after = async (of: nn.Linear): Promise<number[]> => {
      await ek.compile('train', (feeds) => ({ y: of.forward(feeds.x) }), { mode: 'train' })({ x });
      return [...await of.namedBuffers().get('spectralNorm.u')!.read()];
    };
    expect(await after(layer)).toEqual(await after(built));
  });

  it('moves its vectors in training alone, and not while frozen', async () => {
    const layer = nn.spectralNorm(nn.linear(4));
    layer.build([5]);
    const u = layer.namedBuffers().get('spectralNorm.u')!;
    const [train, evaluate] = (['train', 'eval'] as const).map((mode) => ek.compile(mode, ({ x }) => ({ y: layer.forward(x) }), { mode }));
    const x = ek.random.normal([2, 5], { seed: 1 });
    const read = async (): Promise<number[]> => [...(await u.read())];
    const first = await read();
    await evaluate({ x });
    expect(await read()).toEqual(first);
    layer.freeze();
    await train({ x });
    expect(await read()).toEqual(first);
    layer.unfreeze();
    layer.weight.write(randomValues(20, -1, 1, 7));
    await train({ x });
    expect(await read()).not.toEqual(first);
  });

  it('keeps a discriminator at a gain of 1 while it trains', async () => {
    const layer = nn.spectralNorm(nn.linear(4, { bias: false }));
    layer.build([4]);
    const optimizer = new ek.SGD({ rate: 0.5 });
    const step = ek.compile('step', ({ x }) => optimizer.minimize(layer.forward(x).square().sum().neg(), [layer.weight]));
    const identity = ek.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
    for (let i = 0; i < 60; i++) await step({ x: identity });
    const w = layer.forward(identity);
    const gram = w.transpose().matmul(w);
    let v = ek.ones([4, 1]);
    for (let i = 0; i < 30; i++) v = gram.matmul(v).div(gram.matmul(v).square().sum().sqrt());
    expect(await gram.matmul(v).square().sum().sqrt().item()).toBeCloseTo(1, 2);
  });

  it('refuses no iterations', () => {
    expect(() => nn.spectralNorm(nn.linear(2), { iterations: 0 })).toThrow('E101 spectralNorm: iterations must be a whole number from 1.\n     got 0\n');
  });
});

/** Values of column `unit` of a weight [rows, units]. */
const column = (w: readonly number[], units: number, unit: number): number[] => w.filter((_, i) => i % units === unit);
const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const squares = (values: readonly number[]): number => values.reduce((sum, v) => sum + (v - average(values)) ** 2, 0);

describe('weight standardization', () => {
  const [rows, units] = [18, 4];
  const w = randomValues(rows * units, -1, 2, 3);
  const kernel = ek.tensor(w, [3, 3, 2, units]);

  it('is (w - mean) / (unbiased deviation + epsilon) in each filter', async () => {
    const got = await new nn.WeightStandardization({ epsilon: 0.5 }).forward(kernel).data();
    got.forEach((value, i) => {
      const own = column(w, units, i % units);
      expect(value).toBeCloseTo((w[i] - average(own)) / (Math.sqrt(squares(own) / (rows - 1)) + 0.5), 5);
    });
  });

  it('scaled: scale * gain * (w - mean) / sqrt(max(variance * fan-in, floor))', async () => {
    const rule = new nn.ScaledWeightStandardization({ activation: 'relu' });
    rule.forward(kernel);
    rule.scale!.write([1, 2, 3, 4]);
    const got = await rule.forward(kernel).data();
    got.forEach((value, i) => {
      const own = column(w, units, i % units);
      expect(value).toBeCloseTo(((i % units) + 1) * 1.7139588594 * (w[i] - average(own)) / Math.sqrt(squares(own)), 5);
    });
    const flat = await new nn.ScaledWeightStandardization({ scale: false, floor: 4 }).forward(ek.tensor(w.map((v) => v * 1e-3), [rows, units])).data();
    expect(flat[0]).toBeCloseTo((w[0] - average(column(w, units, 0))) * 1e-3 / 2, 8);
  });

  it('scaled: keeps the variance of values through the layer and its activation', async () => {
    const layer = nn.scaledWeightStandardization(nn.linear(32, { bias: false }), { activation: 'relu' });
    const x = ek.random.normal([512, 256], { seed: 4 }).relu();
    const y = layer.forward(x);
    expect(Math.abs(await y.variance().item() - 1)).toBeLessThan(0.1);
  });

  it('centering takes the mean alone', async () => {
    const got = await new nn.WeightCentering().forward(kernel).data();
    got.forEach((value, i) => expect(value).toBeCloseTo(w[i] - average(column(w, units, i % units)), 5));
  });

  it('leaves a constant filter and its gradient at 0', async () => {
    const param = new ek.Param({ shape: [4, 2], data: [3, 1, 3, 2, 3, 3, 3, 4] });
    for (const rule of [new nn.WeightStandardization(), new nn.ScaledWeightStandardization({ scale: false })]) {
      const y = rule.forward(param.value);
      const [g] = ek.grad(y.mul(ek.tensor([[1, 2], [3, 4], [5, 6], [7, 9]])).sum(), [param]);
      expect(column([...await y.data()], 2, 0)).toEqual([0, 0, 0, 0]);
      expect([...await g.data()].every(Number.isFinite)).toBe(true);
    }
  });

  it('stands in any layer, a transposed axis too', async () => {
    const model = nn.sequential({ input: [6, 6, 2] }, nn.weightStandardization(nn.conv2d(3, 3)), nn.relu(), nn.flatten(), nn.weightStandardization(nn.linear(2)));
    const optimizer = new ek.SGD({ rate: 0.1 });
    const step = ek.compile('step', ({ x }) => {
      const loss = model.forward(x).square().mean();
      optimizer.minimize(loss, model.params());
      return { loss };
    });
    const x = ek.random.normal([4, 6, 6, 2], { seed: 1 });
    const first = (await step({ x })).loss;
    for (let i = 0; i < 20; i++) await step({ x });
    expect((await step({ x })).loss).toBeLessThan(first);
    const turned = await new nn.WeightCentering({ axis: 0 }).forward(ek.tensor([[1, 2], [5, 9]])).data();
    expect([...turned]).toEqual([-0.5, 0.5, -2, 2]);
  });

  it('stands before both weights of a recurrent cell', async () => {
    const cell = nn.weightNorm(nn.weightNorm(nn.lstmCell(4), { param: 'inputWeight' }), { param: 'hiddenWeight' });
    const [plain, model] = [nn.recurrent(nn.lstmCell(4)), nn.recurrent(cell)];
    for (const made of [plain, model]) made.build([3, 2], { seed: 1 });
    expect([...model.namedParams().keys()]).toEqual(['cell.inputWeight', 'cell.hiddenWeight', 'cell.bias', 'cell.inputWeightWeightNorm.length', 'cell.hiddenWeightWeightNorm.length']);
    const x = ek.random.normal([2, 3, 2], { seed: 1 });
    const expected = await plain.forward(x).data();
    (await model.forward(x).data()).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
    expect(await nn.bakeWeights(model)).toBe(2);
    (await model.forward(x).data()).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
    const spectral = nn.spectralNorm(nn.spectralNorm(nn.gruCell(4), { param: 'inputWeight' }), { param: 'hiddenWeight' });
    expect(nn.recurrent(spectral).build([3, 2])).toEqual([3, 4]);
  });

  it('takes the outputs of a transposed convolution for its units, not the inputs', async () => {
    const near = (got: readonly number[], expected: readonly number[]): void => got.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
    // [KH, KW, O, C] = [2, 1, 1, 2]: the one output has a vector of length sqrt(2), the inputs have two orthogonal ones of length 1.
    const values = [1, 0, 0, 1];
    const baked = async (rule: (layer: nn.ConvTranspose2d) => nn.ConvTranspose2d): Promise<number[]> => {
      const layer = rule(nn.convTranspose2d(1, [2, 1], { bias: false, init: () => Float32Array.from(values) }));
      layer.build([2, 2, 2]);
      await nn.bakeWeights(layer);
      return [...await layer.weight.read()];
    };
    // torch.nn.utils.parametrizations.spectral_norm of ConvTranspose2d(2, 1, (2, 1)): dim is 1.
    near(await baked((layer) => nn.spectralNorm(layer)), values.map((value) => value / Math.SQRT2));
    near(await baked((layer) => nn.spectralNorm(layer, { axis: -1 })), values);
    const standardized = [1, -1, -1, 1].map((sign) => sign * Math.sqrt(3) / 2);
    near(await baked((layer) => nn.weightStandardization(layer, { epsilon: 0 })), standardized);
    near(await baked((layer) => nn.scaledWeightStandardization(layer)), [1, -1, -1, 1].map((sign) => sign / 2));
    near(await baked((layer) => nn.weightCentering(layer)), [0.5, -0.5, -0.5, 0.5]);
  });

  it('E101: an epsilon that is none', () => {
    for (const rule of [nn.weightNorm, nn.spectralNorm, nn.weightStandardization]) {
      for (const epsilon of [-1, Number.NaN, Infinity]) expect(() => rule(nn.linear(2), { epsilon })).toThrow(/E101 \w+: epsilon must be a finite number, 0 or more/);
    }
  });
});

describe('gradients against finite differences, of the second order too', () => {
  const rules: Readonly<Record<string, (w: Tensor) => Tensor>> = {
    weightNorm: (w) => ek.weightNormalize(w, ek.tensor([1, 2, 3])),
    'weightNorm of all': (w) => ek.weightNormalize(w, ek.tensor(2), { axis: 'all' }),
    weightStandardization: (w) => ek.standardizeWeight(w),
    scaledWeightStandardization: (w) => ek.scaledStandardizeWeight(w),
    weightCentering: (w) => ek.centerWeight(w),
    spectralNorm: (w) => w.div(ek.spectralNorm(w, { u: ek.tensor([0.6, 0, 0.8]), v: ek.tensor([0.5, 0.5, 0.5, 0.5]) }, { iterations: 0 }).norm),
  };
  it.each(Object.entries(rules))('%s', (_, rule) => {
    checkGradient((w) => rule(new ek.Tensor(w)).node, [randomDense([4, 3])], { order: 2 });
  });
});

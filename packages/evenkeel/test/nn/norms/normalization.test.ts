import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Adam, compile, configure, grad, nn, Param, sum, tensor, zeros } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { ChannelStatistics } from '../../../src/tensor/index.ts';
import { withMode } from '../../../src/runtime/index.ts';
import { expectKernels } from '../../support/expect-kernels.ts';
import { faultText } from '../../support/fault-text.ts';
import { randomValues } from '../../support/check-op.ts';

beforeAll(() => configure({ backend: 'wasm', threads: 1 }));

const feed = (shape: readonly number[], seed = 1, offset = 0) => ({
  data: Float32Array.from(randomValues(shape.reduce((n, e) => n * e, 1), -1, 1, seed), (v) => v + offset), shape,
});
const close = (values: ArrayLike<number>, digits = 5): unknown[] => Array.from(values, (v) => expect.closeTo(v, digits));
const of = ({ data, shape }: { readonly data: Float32Array; readonly shape: readonly number[] }): Tensor => tensor(data, shape);

async function running({ runningMean, runningVariance }: nn.Normalization): Promise<number[]> {
  return [...await runningMean.read(), ...await runningVariance.read()];
}

/** What the running statistics are after batches, by the book. */
function followed(batches: readonly ChannelStatistics[], rate: (step: number) => number, correction = 1): number[] {
  const channels = batches[0].channels;
  const mean = new Array<number>(channels).fill(0);
  const variance = new Array<number>(channels).fill(1);
  batches.forEach((batch, step) => {
    const now = batch.variance(correction);
    for (let c = 0; c < channels; c++) {
      mean[c] += (batch.mean[c] - mean[c]) * rate(step);
      variance[c] += (now[c] - variance[c]) * rate(step);
    }
  });
  return [...mean, ...variance];
}

describe('running statistics', () => {
  const batches = [1, 2, 3].map((seed) => feed([4 + seed, 3], seed, seed));
  const statistics = batches.map(({ data, shape }) => ChannelStatistics.of(data, shape));
  const train = async (layer: nn.Normalization): Promise<number[]> => {
    const step = compile('train', ({ x }) => ({ y: layer.forward(x) }));
    for (const batch of batches) await step({ x: batch });
    return running(layer);
  };

  it('average exponentially, cumulatively, or without their first values', async () => {
    expect(await train(nn.batchNorm())).toEqual(close(followed(statistics, () => 0.1)));
    expect(await train(nn.batchNorm({ average: 'cumulative' }))).toEqual(close(followed(statistics, (step) => 1 / (step + 1))));
    const debiased = (step: number): number => 0.1 / (1 - 0.9 ** (step + 1));
    expect(await train(nn.batchNorm({ debias: true }))).toEqual(close(followed(statistics, debiased)));
    expect(await train(nn.batchNorm({ estimator: 'population', decay: 0.5 }))).toEqual(close(followed(statistics, () => 0.5, 0)));
  });

  it.for(Object.entries(nn.dialects))('follow the dialect %s', async ([name, { decay, debias, estimator }]) => {
    const rate = (step: number): number => (debias ? (1 - decay) / (1 - decay ** (step + 1)) : 1 - decay);
    const layer = nn.batchNorm({ dialect: name as nn.Dialect });
    expect(await train(layer)).toEqual(close(followed(statistics, rate, estimator === 'unbiased' ? 1 : 0), 4));
    expect(layer.settings.epsilon).toBe(nn.dialects[name as nn.Dialect].epsilon);
  });

  it('move while training normalizes by them, if asked to', async () => {
    const layer = nn.batchNorm({ statistics: 'running', update: true, epsilon: 0 });
    const y = await withMode('train', () => layer.forward(of(batches[0]))).data();
    expect([...y]).toEqual(close(batches[0].data));
    expect(await running(layer)).toEqual(close(followed(statistics.slice(0, 1), () => 0.1)));
  });

  it('can be set aside: evaluation by the batch', async () => {
    const layer = nn.batchNorm({ evaluation: 'batch', update: false });
    const [train, evaluate] = (['train', 'eval'] as const).map((mode) => withMode(mode, () => layer.forward(of(batches[0]))));
    expect([...await evaluate.data()]).toEqual([...await train.data()]);
    expect(await running(layer)).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it('switches take effect in steps that are compiled already', async () => {
    const layer = nn.batchNorm();
    const step = compile('train', ({ x }) => ({ y: layer.forward(x) }));
    layer.build([3]);
    layer.update = false;
    await step({ x: batches[0] });
    expect(await running(layer)).toEqual([0, 0, 0, 1, 1, 1]);
    layer.update = true;
    await step({ x: batches[0] });
    expect(await running(layer)).toEqual(close(followed(statistics.slice(0, 1), () => 0.1)));
    layer.statistics = 'running';
    const before = await running(layer);
    layer.update = false;
    await step({ x: batches[0] });
    expect(await running(layer)).toEqual(before);
  });
});

describe('one update per step', () => {
  const [a, b] = [feed([4, 2], 1), feed([6, 2], 2, 3)];
  const both = ChannelStatistics.of(a.data, a.shape).merge(ChannelStatistics.of(b.data, b.shape));
  const twice = async (layer: nn.Normalization): Promise<number[]> => {
    const step = compile('twice', ({ p, q }) => ({ y: sum(layer.forward(p)).add(sum(layer.forward(q))) }));
    await step({ p: a, q: b });
    return running(layer);
  };

  it('takes all uses of a layer together', async () => {
    expect(await twice(nn.batchNorm())).toEqual(close(followed([both], () => 0.1)));
  });

  it('or the first, or each, as told', async () => {
    expect(await twice(nn.batchNorm({ update: 'first' }))).toEqual(close(followed([ChannelStatistics.of(a.data, a.shape)], () => 0.1)));
    const each = [a, b].map(({ data, shape }) => ChannelStatistics.of(data, shape));
    expect(await twice(nn.batchNorm({ update: 'each' }))).toEqual(close(followed(each, () => 0.1)));
  });

  it('does not notice a recomputation', async () => {
    const layer = nn.batchNorm();
    const step = compile('again', ({ p, q }) => {
      const y = sum(layer.forward(p)).add(sum(layer.forward(p)));
      return { y: y.add(sum(nn.withoutUpdates(() => layer.forward(q)))) };
    });
    await step({ p: a, q: b });
    expect(await running(layer)).toEqual(close(followed([ChannelStatistics.of(a.data, a.shape)], () => 0.1)));
  });

  it('keeps statistics of keys apart', async () => {
    const layer = nn.batchNorm({ keys: ['source', 'target'] });
    const model = nn.sequential({ input: [2] }, layer, nn.batchNorm());
    const step = compile('keys', ({ p, q }) => ({ y: sum(model.forward(p)).add(sum(nn.withStatisticsKey('target', () => model.forward(q)))) }));
    await step({ p: a, q: b });
    const keyed = layer.running('target');
    expect(await running(layer)).toEqual(close(followed([ChannelStatistics.of(a.data, a.shape)], () => 0.1)));
    expect([...await keyed.mean.read(), ...await keyed.variance.read()]).toEqual(close(followed([ChannelStatistics.of(b.data, b.shape)], () => 0.1)));
    expect([...layer.namedBuffers().keys()]).toEqual(['runningMean', 'runningVariance', 'target.runningMean', 'target.runningVariance']);
    expect([...await layer.forward(of(b), { key: 'target' }).data()]).not.toEqual([...await layer.forward(of(b)).data()]);
  });

  it('tells what layers were given', async () => {
    const layer = nn.batchNorm();
    const found = nn.observeStatistics(() => withMode('train', () => [layer.forward(of(a)), layer.forward(of(b))]));
    const read = await found.get(layer)!.read();
    expect([read.count, ...read.mean, ...read.m2]).toEqual([10, ...close(both.mean), ...close(both.m2, 4)]);
    expect(await running(layer)).toEqual([0, 0, 1, 1]);
  });
});

describe('batches that are not finite', () => {
  afterEach(() => { vi.restoreAllMocks(); });

  it('leave the running statistics alone, with one warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    const layer = nn.batchNorm({ average: 'cumulative' });
    const model = nn.sequential({ input: [2] }, layer);
    const step = compile('train', ({ x }) => ({ y: model.forward(x) }));
    const good = feed([4, 2]);
    await step({ x: good });
    const before = [...await running(layer), ...await layer.running().weight!.read()];
    for (const bad of [NaN, Infinity, NaN]) await step({ x: { ...good, data: good.data.with(3, bad) } });
    expect([...await running(layer), ...await layer.running().weight!.read()]).toEqual(before);
    expect(warn.mock.calls).toEqual([['0 (batchNorm): the statistics of a batch were not finite; in such steps the running statistics keep their values. ' +
      'Look for NaN or infinity in the input, or compile the step with { debug: true } to see where it begins. (Said once for this layer.)']]);
    await step({ x: good });
    expect(await layer.running().weight!.read()).toEqual(Float32Array.of(2));
  });

  it('of no samples change nothing', async () => {
    const layer = nn.batchNorm();
    layer.build([2]);
    expect((await withMode('train', () => layer.forward(zeros([0, 2]))).data()).length).toBe(0);
    expect(await running(layer)).toEqual([0, 0, 1, 1]);
  });
});

describe('masks', () => {
  const x = feed([3, 4, 2]);
  const lengths = [4, 2, 3];
  const mask = Float32Array.from({ length: 12 }, (_, at) => (at % 4 < lengths[Math.floor(at / 4)] ? 1 : 0));
  const kept = Float32Array.from([...mask].flatMap((m, at) => (m ? [...x.data.subarray(at * 2, at * 2 + 2)] : [])));
  const garbage = { ...x, data: x.data.map((v, at) => (mask[Math.floor(at / 2)] ? v : NaN)) };

  it('give what the unpadded values give', async () => {
    const [padded, plain] = [nn.batchNorm(), nn.batchNorm()];
    const y = await withMode('train', () => padded.forward(of(garbage), { mask: tensor(mask, [3, 4]) })).data();
    const wanted = await withMode('train', () => plain.forward(tensor(kept, [9, 2]))).data();
    expect([...y].filter((_, at) => mask[Math.floor(at / 2)])).toEqual(close(wanted));
    expect(await running(padded)).toEqual(close(await running(plain)));
  });

  it('may be all zero: nothing moves', async () => {
    const layer = nn.batchNorm();
    const y = withMode('train', () => layer.forward(of(x), { mask: zeros([3, 4, 1]) }));
    expect([...await y.data()].every(Number.isFinite)).toBe(true);
    expect(await running(layer)).toEqual([0, 0, 1, 1]);
  });

  it('may leave one value, whose variance would draw the running one to 0: nothing moves', async () => {
    const layer = nn.batchNorm();
    const one = Float32Array.from({ length: 12 }, (_, i) => (i === 5 ? 1 : 0));
    for (let i = 0; i < 50; i++) await withMode('train', () => layer.forward(of(x), { mask: tensor(one, [3, 4]) })).data();
    expect(await running(layer)).toEqual([0, 0, 1, 1]);
  });

  it('keep padding out of the gradient of the statistics', async () => {
    const layer = nn.batchNorm({ epsilon: 0 });
    const step = compile('masked', ({ v, m }) => {
      const y = layer.forward(v, { mask: m });
      return { dv: grad(sum(y.square().mul(m.reshape([3, 4, 1])).mul(y)), [v])[0] };
    });
    const dv = await (await step({ v: x, m: { data: mask, shape: [3, 4] } })).dv.data();
    mask.forEach((m, at) => { if (!m) expect([dv[2 * at], dv[2 * at + 1]]).toEqual([0, 0]); });
  });

  it('E313 must lie over the input', () => {
    const layer = nn.batchNorm();
    expect(faultText(() => withMode('train', () => layer.forward(of(x), { mask: zeros([4, 3]) })))).toEqual([
      'E313 batchNorm: the mask must tell for each position, all channels alike, whether it counts.', 'input [3, 4, 2]   mask [4, 3]',
      'in model (batchNorm)', "Fix: give it the shape [3, 4], or the input's with 1 where it does not change",
    ]);
    expect(() => layer.forward(of(x), { mask: zeros([3, 4, 2]) })).toThrow('E313');
  });
});

describe('frozen layers', () => {
  it('do not move by one bit in 100 steps, in training mode and after it comes back', async () => {
    const norm = nn.batchNorm();
    const model = nn.sequential({ input: [4], seed: 3 }, nn.linear(3), norm, nn.relu(), nn.linear(2));
    const optimizer = new Adam({ rate: 0.05, weightDecay: 0.1 });
    const step = compile('train', ({ x }) => {
      const loss = model.forward(x).square().mean();
      optimizer.minimize(loss, model.params());
      return { loss };
    });
    const evaluate = compile('eval', ({ x }) => ({ y: model.forward(x) }), { mode: 'eval' });
    const all = async (): Promise<number[]> => [...await running(norm), ...await norm.scale!.read(), ...await norm.shift!.read()];
    for (let i = 0; i < 3; i++) await step({ x: feed([8, 4], i, 2) });
    norm.freeze();
    const before = await all();
    for (let i = 0; i < 100; i++) {
      await step({ x: feed([8, 4], i, 5) });
      if (i % 25 === 0) await evaluate({ x: feed([8, 4]) });
    }
    expect(await all()).toEqual(before);
    norm.unfreeze();
    await step({ x: feed([8, 4], 1, 5) });
    (await all()).forEach((value, i) => expect(value).not.toBe(before[i]));
  });

  it('three switches: statistics, their update, and what trains', async () => {
    const layer = nn.batchNorm({ trainAffine: false });
    const model = nn.sequential({ input: [2] }, nn.linear(2), layer);
    expect(model.params().map((p) => p.trainable)).toEqual([true, true, false, false]);
    model.freeze().unfreeze();
    expect(model.params().map((p) => p.trainable)).toEqual([true, true, false, false]);
    await withMode('train', () => model.forward(of(feed([5, 2])))).data();
    expect(await running(layer)).not.toEqual([0, 0, 1, 1]);
  });
});

describe('every shape trains', () => {
  const shapes: Readonly<Record<string, readonly [readonly number[], number]>> = {
    'rank 2': [[6, 3], -1], 'rank 3': [[4, 5, 3], -1], 'rank 3, first': [[4, 3, 5], 1], 'rank 4': [[2, 3, 4, 3], -1], 'rank 4, first': [[2, 3, 4, 5], 1],
    'rank 4, middle': [[2, 4, 3, 5], 2], 'rank 5': [[2, 2, 3, 2, 3], -1], 'rank 5, first': [[2, 3, 2, 2, 3], 1], 'rank 5, middle': [[2, 2, 3, 2, 2], 2],
  };
  for (const backend of ['wasm', 'plain'] as const) {
    it.for(Object.entries(shapes))(`%s, ${backend}`, async ([, [shape, axis]]) => {
      await configure({ backend, threads: 1 });
      for (const [scale, center] of [[true, true], [true, false], [false, true], [false, false]]) {
        const layer = nn.batchNorm({ axis, scale, center, epsilon: 0 });
        const shift = new Param({ shape: [], name: 'shift' });
        const step = compile('train', ({ x, g }) => {
          const y = layer.forward(x);
          const loss = sum(y.mul(g)).add(shift.value);
          new Adam({ rate: 0.1 }).minimize(loss, [...layer.params(), shift]);
          return { y, dx: grad(loss, [x])[0] };
        });
        const { y, dx } = await step({ x: feed(shape, 1, 2), g: feed(shape, 2) });
        const place = axis < 0 ? shape.length + axis : axis;
        const output = ChannelStatistics.of(await y.data(), shape, place);
        expect([...output.mean, ...output.variance()]).toEqual(close([0, 0, 0, 1, 1, 1]));
        const gradient = ChannelStatistics.of(await dx.data(), shape, place);
        expect([...gradient.mean]).toEqual(close([0, 0, 0]));
        for (const [param, first] of [[layer.scale, 1], [layer.shift, 0]] as const) if (param) for (const v of await param.read()) expect(v).not.toBe(first);
      }
      await configure({ backend: 'wasm', threads: 1 });
    });
  }
});

describe('activation', () => {
  it.for(Object.keys(nn.activations) as (keyof typeof nn.activations)[])('%s comes with it', async (activation) => {
    const x = of(feed([5, 3]));
    const fused = await nn.batchNorm({ activation }).forward(x).data();
    expect([...fused]).toEqual([...await nn.activations[activation](nn.batchNorm().forward(x)).data()]);
  });

  it('is part of the same kernel, forward and backward', async () => {
    const norm = nn.batchNorm({ activation: 'silu' });
    const x = feed([32, 12, 12, 16]);
    await expectKernels(({ v }) => ({ y: norm.forward(v) }), { v: x }, 2);
    await expectKernels(({ v, g }) => {
      const total = sum(norm.forward(v).mul(g));
      const [dv, dscale, dshift] = grad(total.mul(total), [v, norm.scale!, norm.shift!]);
      return { dv, dscale, dshift };
    }, { v: x, g: x }, 4);
  });

  it('nothing of the size of the input is kept for the backward pass: no standardized values, no mask', async () => {
    const norm = nn.batchNorm({ activation: 'relu' });
    const x = feed([32, 12, 12, 16]);
    const step = compile('kept', ({ v, g }) => {
      const total = sum(norm.forward(v).mul(g));
      return { dv: grad(total.mul(total), [v])[0] };
    });
    await step({ v: x, g: x });
    expect(step.plans[0].buffers.filter((b) => b.kind === 'temp' && b.size >= x.data.length).map((b) => b.name)).toEqual([]);
  });

  it('refuses names it does not know', () => {
    expect(() => nn.batchNorm({ activation: 'swish' as never })).toThrow('E101 batchNorm: there is no activation "swish".\n' +
      '     Fix: choose one of identity, relu, leakyRelu, elu, sigmoid, tanh, silu, gelu');
  });
});

describe('refusals', () => {
  it('E101 options', () => {
    expect(() => nn.batchNorm({ dialect: 'theano' as never })).toThrow('E101 batchNorm: there is no dialect "theano".\n     Fix: choose one of torch, keras, tfFused, caffe, onnx, flax');
    expect(() => nn.batchNorm({ statistics: 'layer' as never })).toThrow('there is no source of statistics "layer"');
    expect(() => nn.batchNorm({ update: 'twice' as never })).toThrow('there is no update rule "twice"');
    expect(() => nn.batchNorm({ average: 'median' as never })).toThrow('there is no average "median"');
    expect(() => nn.batchNorm({ decay: 1, debias: true })).toThrow('decay must be below 1 to be debiased');
    expect(() => nn.batchNorm({ epsilon: -1 })).toThrow('epsilon must be a finite number, 0 or more');
  });

  it('E101 what the setters are given', () => {
    const layer = nn.batchNorm();
    expect(() => { layer.update = 'never' as never; }).toThrow('E101 batchNorm: there is no update rule "never"');
    expect(() => { layer.statistics = 'global' as never; }).toThrow('E101 batchNorm: there is no source of statistics "global"');
    expect([layer.update, layer.statistics]).toEqual(['once', 'batch']);
  });

  it('E101 strings, null and infinity, when the layer is made and not when it runs', () => {
    const wrong: readonly (readonly [string, unknown, string])[] = [
      ['decay', '0.9', 'decay must be in 0 .. 1, the weight of the old value.\n     got "0.9"'],
      ['epsilon', '1e-5', 'epsilon must be a finite number, 0 or more.\n     got "1e-5"'],
      ['epsilon', Infinity, 'got Infinity'],
      ['epsilon', null, 'got null'],
      ['initialScale', Number.NaN, 'initialScale must be a finite number'],
      ['scale', 'false', 'scale must be true or false'],
      ['center', 0, 'center must be true or false'],
      ['trainAffine', 'no', 'trainAffine must be true or false'],
      ['debias', 1, 'debias must be true or false'],
      ['estimator', 'Unbiased', 'there is no estimator "Unbiased".\n     Fix: choose one of unbiased, population'],
      ['keys', 'abc', "keys must be a list of different names.\n     got \"abc\"\n     Fix: for example keys: ['real', 'fake']"],
      ['keys', ['a', 'a'], 'keys must be a list of different names'],
    ];
    for (const [name, value, text] of wrong) expect(() => nn.batchNorm({ [name]: value }), name).toThrow(text);
    for (const value of [Number.NaN, '0']) expect(() => nn.layerNorm({ initialScale: value as number })).toThrow('E101 layerNorm: initialScale must be a finite number');
  });

  it("E101 options by PyTorch's and Keras' names, which would be ignored", () => {
    expect(() => nn.batchNorm({ momentum: 0.1 } as object)).toThrow('E101 batchNorm: momentum is not an option of this layer.\n     got 0.1\n' +
      '     Fix: write decay, the weight of the old value: 1 - momentum of PyTorch, momentum of Keras');
    for (const name of ['eps', 'affine', 'track_running_stats', 'trackRunningStats', 'num_features', 'gamma_initializer', 'trainable', 'renorm', 'synchronized']) {
      expect(() => nn.batchNorm({ [name]: true } as object), name).toThrow(`${name} is not an option of this layer`);
      expect(() => nn.batchNorm({ [name]: undefined } as object), name).not.toThrow();
    }
    for (const make of [nn.layerNorm, nn.rmsNorm, nn.unitNorm]) {
      expect(() => make({ axis: 1 } as object)).toThrow('axis is not an option of this layer.\n     got 1\n     Fix: write axes, one number or several, for example axes: -1');
      expect(() => make({ eps: 1e-6 } as object)).toThrow('Fix: write epsilon');
    }
    expect(() => nn.groupNorm({ num_groups: 4 } as object)).toThrow('Fix: write groups');
    expect(() => nn.layerNorm({ normalized_shape: [4], elementwise_affine: true } as object)).toThrow('Fix: write axes');
  });

  it('E300 ranks', () => {
    expect(() => nn.batchNorm2d().forward(zeros([2, 3]))).toThrow('E300 batchNorm2d: the input must have 4 axes.\n     got [2, 3], 2 axes\n     in model (batchNorm2d)\n     Fix: use batchNorm(), which takes any rank');
    expect(() => nn.batchNorm1d().forward(zeros([2, 3, 4, 5]))).toThrow('must have 2 or 3 axes');
    expect(nn.batchNorm3d().build([2, 3, 4, 5])).toEqual([2, 3, 4, 5]);
  });

  it('E314 keys', () => {
    const layer = nn.batchNorm({ keys: ['a'] });
    expect(() => layer.forward(zeros([2, 3]), { key: 'b' })).toThrow('E314 batchNorm: the layer keeps no running statistics for "b".\n     it has a\n' +
      "     in model (batchNorm)\n     Fix: choose one of them, or add it: batchNorm({ keys: ['a', 'b'] })");
    expect(() => nn.batchNorm().forward(zeros([2, 3]), { key: 'b' })).toThrow("name them when making the layer: batchNorm({ keys: ['b', ...] })");
  });

  it('E315 scale from outside', () => {
    expect(() => nn.batchNorm().forward(zeros([2, 3]), { scale: zeros([4]) })).toThrow('E315 batchNorm: scale must broadcast to the input.\n     input [2, 3]   scale [4]');
  });
});

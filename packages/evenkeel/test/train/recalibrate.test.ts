import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/base/index.ts';
import { arrays } from '../../src/data/index.ts';
import type { Dataset } from '../../src/data/index.ts';
import * as nn from '../../src/nn/index.ts';
import { ChannelStatistics, tensor } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { recalibrate } from '../../src/train/index.ts';

const random = new RandomStream(3, 'recalibrate');
const rows = (count: number, features: number): Float32Array => Float32Array.from({ length: count * features }, (_, i) => 3 * random.normal() + (i % features));
const dataOf = (values: Float32Array, features: number): Dataset => arrays({ x: { data: values, shape: [values.length / features, features] } });

const net = (): nn.Sequential => nn.sequential({ input: [3], seed: 5 }, nn.linear(4), nn.batchNorm(), nn.relu(), nn.linear(4), nn.batchNorm(), nn.tanh(), nn.batchNorm({ debias: true }));
const running = async (model: nn.Module): Promise<number[]> => (await Promise.all([...nn.normsOf(model, nn.Normalization).values()].flatMap((norm) => [norm.runningMean, norm.runningVariance]).map((buffer) => buffer.read()))).flatMap((values) => [...values]);
const expectClose = (got: readonly number[], wanted: readonly number[], tolerance: number): void => {
  expect(got.length).toBe(wanted.length);
  got.forEach((value, i) => expect(Math.abs(value - wanted[i])).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(wanted[i]))));
};

describe('recalibrate', () => {
  it('gives a layer the statistics of the whole dataset', async () => {
    const model = nn.sequential({ input: [3] }, nn.batchNorm());
    const values = rows(37, 3);
    const found = await recalibrate(model, dataOf(values, 3), { batchSize: 10 });
    const exact = ChannelStatistics.of(values, [37, 3]);
    expect(found.get('0')!.count).toBe(37);
    expectClose(await running(model), [...exact.mean, ...exact.variance()], 1e-6);
  });

  it('does not depend on batch size or order, at any depth, and touches no weight', async () => {
    const values = rows(61, 3);
    const shuffled = Float32Array.from({ length: 61 * 3 }, (_, i) => values[((Math.floor(i / 3) * 17) % 61) * 3 + (i % 3)]);
    const results: number[][] = [];
    for (const [data, batchSize] of [[values, 61], [values, 1], [shuffled, 7]] as const) {
      const model = net();
      const before = await Promise.all(model.params().map((param) => param.read()));
      await recalibrate(model, dataOf(data, 3), { batchSize });
      expect(await Promise.all(model.params().map((param) => param.read()))).toEqual(before);
      results.push(await running(model));
    }
    expectClose(results[1], results[0], 1e-6);
    expectClose(results[2], results[0], 1e-6);
  });

  it.each([1, 3, 31, 300])('is exact in batches of %i where the mean is ten thousand times the deviation', async (batchSize) => {
    const values = Float32Array.from({ length: 900 }, () => 1e4 + random.normal());
    const exact = ChannelStatistics.of(values, [300, 3]);
    const found = (await recalibrate(nn.sequential({ input: [3] }, nn.batchNorm()), dataOf(values, 3), { batchSize })).get('0')!;
    found.mean.forEach((mean, c) => expect(Math.abs(mean / exact.mean[c] - 1)).toBeLessThan(1e-11));
    found.m2.forEach((m2, c) => expect(Math.abs(m2 / exact.m2[c] - 1)).toBeLessThan(1e-6));
  });

  it('leaves every layer with inputs that have mean 0 and variance 1 after it', async () => {
    const model = net();
    const data = rows(50, 3);
    await recalibrate(model, dataOf(data, 3));
    const y = await model.forward(tensor(data, [50, 3])).data();
    const { mean, variance } = { mean: ChannelStatistics.of(y, [50, 4]).mean, variance: ChannelStatistics.of(y, [50, 4]).variance() };
    expectClose([...mean], [0, 0, 0, 0], 1e-5);
    expectClose([...variance], [1, 1, 1, 1], 1e-3);
  });

  it('takes all inputs of a layer that is called twice together, and layers behind it later', async () => {
    class Siamese extends nn.Module {
      norm = nn.batchNorm();
      head = nn.batchNorm();
      forward(x: Tensor): Tensor {
        return this.head.forward(this.norm.forward(x).add(this.norm.forward(x.mul(-1).add(4))));
      }
    }
    const model = new Siamese();
    const found = await recalibrate(model, dataOf(Float32Array.of(1, 2, 3, 6), 1));
    expect(found.get('norm')!.count).toBe(8);
    expectClose([...found.get('norm')!.mean], [2], 1e-6);
    expectClose([...found.get('head')!.mean, ...found.get('head')!.m2], [0, 0], 1e-5);
  });

  it('refuses a layer that is called on its own output, and leaves all as it was', async () => {
    class Loop extends nn.Module {
      norm = nn.batchNorm();
      forward(x: Tensor): Tensor {
        return this.norm.forward(this.norm.forward(x).mul(2));
      }
    }
    await expect(recalibrate(new Loop(), dataOf(rows(4, 2), 2))).rejects.toThrow('E424 recalibrate: a normalization must not be called on something computed from its own output.\n     norm is');
  });

  it('serves the relatives of batch normalization, and leaves those with other statistics alone', async () => {
    const values = rows(24, 2);
    const exact = ChannelStatistics.of(values, [24, 2]);
    for (const norm of [nn.ghostBatchNorm({ virtualBatchSize: 4 }), nn.batchRenorm(), nn.accumulatedBatchNorm({ microBatches: 2 }), nn.splitBatchNorm(), nn.virtualBatchNorm({ reference: 2 }),
      nn.syncBatchNorm(), nn.inPlaceBatchNorm({ activation: 'identity' }), nn.conditionalBatchNorm({ classes: 2 }), nn.domainBatchNorm({ domains: ['here', 'there'] })]) {
      const model = nn.layer((x) => (norm instanceof nn.ConditionalBatchNorm ? norm.forward(x, { condition: tensor(new Int32Array(x.shape[0])) }) : norm.forward(x)));
      Object.assign(model, { norm });
      expect([...(await recalibrate(model, dataOf(values, 2), { batchSize: 8 })).keys()]).toEqual(['norm']);
      expectClose([...await norm.runningMean.read(), ...await norm.runningVariance.read()], [...exact.mean, ...exact.variance()], 1e-6);
    }
    for (const norm of [nn.l1BatchNorm(), nn.decorrelatedBatchNorm(), nn.frozenBatchNorm()]) expect((await recalibrate(norm, dataOf(values, 2))).size).toBe(0);
  });

  it('keeps what is frozen, what is no batch normalization, and everything if a value is not finite', async () => {
    const model = nn.sequential({ input: [2] }, nn.batchNorm(), nn.layerNorm(), nn.batchNorm().freeze(), nn.batchNorm());
    expect([...(await recalibrate(model, dataOf(rows(9, 2), 2))).keys()]).toEqual(['0', '3']);
    const before = await running(model);
    await expect(recalibrate(model, dataOf(Float32Array.of(1, NaN, 3, 4), 2))).rejects.toThrow('E425 recalibrate: the values that reach a normalization must be finite.\n     those of 0 are not');
    expect(await running(model)).toEqual(before);
  });

  it('sets the statistics of one key alone', async () => {
    const model = nn.sequential({ input: [1] }, nn.batchNorm({ keys: ['photos', 'sketches'] }), nn.batchNorm());
    await recalibrate(model, dataOf(Float32Array.of(1, 3), 1), { key: 'sketches' });
    const [norm] = nn.normsOf(model, nn.BatchNorm).values();
    expect([...await norm.running('sketches').mean.read(), ...await norm.running('sketches').variance.read()]).toEqual([2, 1]);
    expect([...await norm.running('photos').mean.read()]).toEqual([0]);
    await expect(recalibrate(model, dataOf(Float32Array.of(1, 3), 1), { key: 'paintings' })).rejects.toThrow('E314');

    const renorm = nn.batchRenorm({ keys: ['photos', 'sketches'], epsilon: 0 });
    renorm.build([1]);
    await recalibrate(renorm, dataOf(Float32Array.of(1, 5), 1), { key: 'sketches' });
    expect([[...await renorm.deviationOf('photos').read()], [...await renorm.deviationOf('sketches').read()]]).toEqual([[1], [2]]);
  });

  it('takes some of the samples, and says what is wrong with the data', async () => {
    const model = nn.sequential({ input: [1] }, nn.batchNorm());
    expect((await recalibrate(model, dataOf(rows(20, 1), 1), { samples: 6, seed: 1 })).get('0')!.count).toBe(6);
    await expect(recalibrate(model, dataOf(rows(0, 1), 1))).rejects.toThrow('E421');
    await expect(recalibrate(model, arrays({ y: { data: [1], shape: [1] } }))).rejects.toThrow('E422 recalibrate: batches must have the column x.\n     got y');
    await expect(recalibrate(model, dataOf(rows(20, 1), 1), { samples: -1 })).rejects.toThrow('E101');
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { configure } from '../../src/runtime/index.ts';
import { ChannelStatistics, compile, concat, normalize, Statistics, tensor, zeros } from '../../src/tensor/index.ts';
import { Tensor } from '../../src/tensor/index.ts';
import { checkGradient, randomDense, randomValues } from '../support/check-op.ts';

const random = (shape: readonly number[], low = -1, high = 1, seed = 1): Tensor => {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return tensor(Float32Array.from(randomValues(size, low, high, seed)), shape);
};

async function values({ count, mean, m2 }: Statistics): Promise<number[][]> {
  return [typeof count === 'number' ? [count] : [...await count.data()], [...await mean.data()], [...await m2.data()]];
}

async function expectAlike(a: Statistics, b: Statistics, tolerance = 1e-6): Promise<void> {
  const [x, y] = [await values(a), await values(b)];
  for (const part of [1, 2]) x[part].forEach((v, i) => expect(Math.abs(v - y[part][i])).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(v))));
}

describe('Statistics', () => {
  it('hold count, mean and squared deviations, and merge', async () => {
    const a = Statistics.of(tensor([[1, 10], [3, 30]]), 0);
    expect(await values(a)).toEqual([[2], [2, 20], [2, 200]]);
    expect(await values(a.merge(Statistics.of(tensor([[5, 20]]), 0)))).toEqual([[3], [3, 20], [8, 200]]);
    expect([await a.variance.array(), await a.unbiasedVariance.array()]).toEqual([[[1, 100]], [[2, 200]]]);
  });

  it('are the same for every division into shards, empty ones included', async () => {
    const x = random([24, 5, 3], -2, 6);
    const whole = Statistics.of(x, [0, 1]);
    for (const cuts of [[0, 12, 24], [0, 1, 24], [0, 7, 7, 9, 24], [0, 4, 8, 12, 16, 20, 24]]) {
      const shards = cuts.slice(1).map((stop, i) => Statistics.of(x.slice([cuts[i]], [stop]), [0, 1]));
      await expectAlike(Statistics.merge(shards), whole);
      await expectAlike(Statistics.merge(shards.toReversed()), whole);
    }
    expect(Statistics.of(zeros([0, 3]), 0).merge(Statistics.of(zeros([0, 3]), 0)).count).toBe(0);
  });

  it.for([
    ['normal', () => 0], ['far off', () => 1000], ['with outliers', (i: number) => (i % 97 === 0 ? 60 * ((i % 5) - 2) : 0)], ['the first 50 deviations off', (i: number) => (i < 3 ? 50 : 0)],
  ] as const)('are the same for every division, %s', async ([, extra]) => {
    const rows = 331;
    const step = compile('divided', ({ x }) => {
      const whole = Statistics.of(x, 0);
      const shards = [[0, 165, rows], [0, 1, rows], [0, 7, 7, 9, 200, rows], [0, 50, 100, 150, 200, 250, rows]].map((cuts) =>
        Statistics.merge(cuts.slice(1).map((stop, i) => Statistics.of(x.slice([cuts[i]], [stop]), 0))));
      return { means: concat([whole, ...shards].map((s) => s.mean), 0), squares: concat([whole, ...shards].map((s) => s.m2), 0) };
    });
    for (let seed = 1; seed <= 20; seed++) {
      const [u, v] = [randomValues(rows * 3, 1e-9, 1, seed), randomValues(rows * 3, 0, 1, seed + 100)];
      const data = Float32Array.from(u, (p, i) => Math.sqrt(-2 * Math.log(p)) * Math.cos(2 * Math.PI * v[i]) + extra(i));
      const exact = ChannelStatistics.of(data, [rows, 3]);
      const { means, squares } = await step({ x: { data, shape: [rows, 3] } });
      (await means.data()).forEach((value, i) => expect(Math.abs(value - exact.mean[i % 3])).toBeLessThan(1e-6 * Math.max(Math.abs(exact.mean[i % 3]), Math.sqrt(exact.variance()[i % 3]))));
      (await squares.data()).forEach((value, i) => expect(Math.abs(value / exact.m2[i % 3] - 1)).toBeLessThan(1e-6));
    }
  });

  it('pool along axes of their own', async () => {
    const x = random([6, 4, 3], 1, 2);
    await expectAlike(Statistics.of(x, 1).pool(0), Statistics.of(x, [0, 1]));
    const mask = random([6, 4, 1], -1, 1, 3).gt(0);
    await expectAlike(Statistics.of(x, 1, { mask }).pool(0), Statistics.of(x, [0, 1], { mask }));
  });

  it('keep the deviation of few values each, whose means are ten thousand times as large', async () => {
    const x = random([32, 4], 9998.3, 10001.7, 5);
    const mask = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 4 < 3 ? 1 : 0), [32, 4]);
    const rows = Array.from({ length: 32 }, (_, i) => Statistics.of(x.slice([i], [i + 1])));
    const values = Array.from(await x.data());
    for (const [got, kept] of [
      [Statistics.of(x, 1).pool(0), () => true], [Statistics.merge(rows), () => true], [rows.reduce((a, b) => a.merge(b)), () => true],
      [Statistics.of(x, 1, { mask }).pool(0), (i: number) => i % 4 < 3],
    ] as const) {
      const some = values.filter((_, i) => kept(i));
      const mean = some.reduce((sum, v) => sum + v / some.length, 0);
      const m2 = some.reduce((sum, v) => sum + (v - mean) ** 2, 0);
      expect(Math.abs((await got.m2.data())[0] / m2 - 1)).toBeLessThan(1e-6);
      expect((await got.mean.data())[0] + (await got.rest!.data())[0] - mean).toBeCloseTo(0, 5);
    }
  });

  it('count only what the mask leaves, whatever stands elsewhere', async () => {
    const x = tensor([[1, 10], [NaN, Infinity], [3, 30]]);
    for (const mask of [tensor([[1], [0], [1]]), tensor([[1], [0], [1]]).gt(0)]) {
      expect(await values(Statistics.of(x, 0, { mask }))).toEqual([[2], [2, 20], [2, 200]]);
    }
    expect(await values(Statistics.of(x, 0, { mask: zeros([3, 1]) }))).toEqual([[0], [0, 0], [0, 0]]);
  });

  it('merge counts that only the step knows', async () => {
    const x = random([6, 2]);
    const mask = tensor([[1], [1], [0], [1], [0], [0]]);
    const [low, high] = [[0], [3]].map((start, i) => Statistics.of(x.slice(start, [3 + 3 * i]), 0, { mask: mask.slice(start, [3 + 3 * i]) }));
    await expectAlike(low.merge(high), Statistics.of(x, 0, { mask }));
    await expectAlike(low.merge(Statistics.of(x, 0)), Statistics.of(concat([x.slice([0], [2]), x]), 0));
    await expectAlike(Statistics.of(x, 0).merge(low), Statistics.of(concat([x.slice([0], [2]), x]), 0));
    await expectAlike(low.merge(Statistics.of(x, 0, { mask: zeros([6, 1]) })), low);
  });

  it('have gradients, merged, pooled and masked', () => {
    const parts = [randomDense([3, 2]), randomDense([4, 2], -1, 1, 2)];
    const m2 = (s: Statistics): Tensor => s.m2.add(s.mean);
    checkGradient((a, b) => m2(Statistics.of(new Tensor(a), 0).merge(Statistics.of(new Tensor(b), 0))).node, parts, { order: 2 });
    checkGradient((a) => m2(Statistics.of(new Tensor(a), 1).pool(0)).node, parts.slice(0, 1), { order: 2 });
    checkGradient((a) => m2(Statistics.of(new Tensor(a), 0, { mask: tensor([[1], [0], [1]]) })).node, parts.slice(0, 1), { order: 2 });
    checkGradient((a) => {
      const x = new Tensor(a);
      return normalize(x, Statistics.of(x, 0)).node;
    }, parts.slice(0, 1), { order: 2 });
  });

  it('come to the host in f64', async () => {
    const read = await Statistics.of(tensor([[1, 10], [3, 30]]), 0).read();
    expect([read.count, [...read.mean], [...read.m2]]).toEqual([2, [2, 20], [2, 200]]);
  });
});

describe.for(['wasm', 'plain'] as const)('statistics far from zero, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.for([1, 100, 1e4])('the variance is good to 1e-5 at mean / deviation = %d', async (offset) => {
    const shape = [512, 8];
    const data = Float32Array.from(randomValues(512 * 8, -Math.sqrt(3), Math.sqrt(3)), (v) => v + offset);
    const exact = ChannelStatistics.of(data, shape).variance();
    const mask = tensor(new Float32Array(512).fill(1), [512, 1]);
    for (const options of [{}, { mask }]) {
      const step = compile('variance', ({ x }) => ({ variance: Statistics.of(x, 0, options).variance }));
      const got = await (await step({ x: { data, shape } })).variance.data();
      exact.forEach((v, c) => expect(Math.abs(got[c] - v) / v).toBeLessThanOrEqual(1e-5));
    }
  });
});

describe('ChannelStatistics', () => {
  it('merge in any order and division to 1e-12', () => {
    const data = Float64Array.from(randomValues(1200, 990, 1010));
    const whole = ChannelStatistics.of(data, [300, 4]);
    for (const cuts of [[0, 100, 300], [0, 1, 2, 150, 150, 300]]) {
      const shards = cuts.slice(1).map((stop, i) => ChannelStatistics.of(data.subarray(cuts[i] * 4, stop * 4), [stop - cuts[i], 4]));
      for (const order of [shards, shards.toReversed()]) {
        const merged = ChannelStatistics.merge(order);
        expect(merged.count).toBe(300);
        merged.mean.forEach((v, c) => expect(Math.abs(v / whole.mean[c] - 1)).toBeLessThan(1e-12));
        merged.m2.forEach((v, c) => expect(Math.abs(v / whole.m2[c] - 1)).toBeLessThan(1e-12));
      }
    }
  });

  it('take the channels from any axis; empty ones change nothing', () => {
    const { mean, count } = ChannelStatistics.of([1, 2, 3, 10, 20, 30], [1, 2, 3], 1);
    expect([count, ...mean]).toEqual([3, expect.closeTo(2), expect.closeTo(20)]);
    const some = ChannelStatistics.of([1, 3], [2, 1]);
    expect(ChannelStatistics.empty(1).merge(some)).toBe(some);
    expect(some.merge(ChannelStatistics.empty(1))).toBe(some);
    expect([...some.variance(), ...some.variance(1), ...ChannelStatistics.empty(1).variance(1)]).toEqual([1, 2, 0]);
  });
});

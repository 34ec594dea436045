import { describe, expect, it } from 'vitest';
import { arrays, loader, permutation, subset } from '../../src/data/index.ts';
import type { Batch, Dataset } from '../../src/data/index.ts';

const ten = arrays({ x: { data: Float32Array.from({ length: 10 }, (_, i) => i), shape: [10] } });

async function collect(batches: AsyncIterable<Batch>): Promise<number[][]> {
  const out: number[][] = [];
  for await (const { x } of batches) out.push([...x.data]);
  return out;
}

describe('loader', () => {
  it('gives batches in order, the last one smaller', async () => {
    const batches = loader(ten, { batchSize: 4 });
    expect(batches.batches).toBe(3);
    expect(await collect(batches)).toEqual([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
  });

  it('can leave out the smaller last batch', async () => {
    const batches = loader(ten, { batchSize: 4, dropLast: true });
    expect(batches.samples).toBe(8);
    expect(await collect(batches)).toEqual([[0, 1, 2, 3], [4, 5, 6, 7]]);
  });

  it('shuffles every epoch anew, the same way for the same seed', async () => {
    const one = loader(ten, { batchSize: 10, shuffle: true, seed: 5 });
    const [first, second] = [await collect(one), await collect(one)];
    expect(first).not.toEqual(second);
    expect([...first[0]].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const again = loader(ten, { batchSize: 10, shuffle: true, seed: 5 });
    expect(await collect(again.epoch(1))).toEqual(second);
    expect(await collect(loader(ten, { batchSize: 10, shuffle: true, seed: 6 }))).not.toEqual(first);
  });

  it('gives the same batches whatever the prefetch', async () => {
    for (const prefetch of [0, 1, 3]) {
      expect(await collect(loader(ten, { batchSize: 3, shuffle: true, prefetch }))).toEqual(await collect(loader(ten, { batchSize: 3, shuffle: true })));
    }
  });

  it('prepares the next batch while the current one is in use', async () => {
    const made: number[] = [];
    const watched: Dataset = { length: 3, batch: (indices) => (made.push(indices[0]), ten.batch(indices)) };
    const iterator = loader(watched, { batchSize: 1 })[Symbol.asyncIterator]();
    await iterator.next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toEqual([0, 1]);
  });

  it('reports a failing dataset where its batch is used', async () => {
    const failing: Dataset = { length: 2, batch: (indices) => (indices[0] === 1 ? Promise.reject(new Error('disk')) : ten.batch(indices)) };
    const iterator = loader(failing, { batchSize: 1 })[Symbol.asyncIterator]();
    await iterator.next();
    await expect(iterator.next()).rejects.toThrow('disk');
  });

  it('refuses a batch size that is not a whole number', () => {
    expect(() => loader(ten, { batchSize: 0 })).toThrow('E101 loader: batchSize must be a whole number from 1.\n     got 0\n     Fix: pass batchSize: 32');
  });
});

describe('permutation', () => {
  it('is spread evenly over the positions', () => {
    const counts = new Array<number>(5).fill(0);
    for (let epoch = 0; epoch < 2000; epoch++) counts[permutation(5, 0, epoch).indexOf(0)]++;
    for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(80);
  });
});

describe('arrays and subset', () => {
  it('infers dtypes and gathers rows', async () => {
    const data = arrays({ x: { data: [1, 2, 3, 4], shape: [2, 2] }, y: { data: Uint8Array.of(7, 8), shape: [2] } });
    const batch = await data.batch([1, 1]);
    expect(batch.x).toEqual({ data: Float32Array.of(3, 4, 3, 4), shape: [2, 2], dtype: 'f32' });
    expect(batch.y).toEqual({ data: Int32Array.of(8, 8), shape: [2], dtype: 'i32' });
  });

  it('cuts a dataset', async () => {
    const part = subset(ten, 8);
    expect(part.length).toBe(2);
    expect([...(await part.batch([1])).x.data]).toEqual([9]);
  });

  it('refuses columns of different length and data that do not fill the shape', () => {
    expect(() => arrays({ x: { data: [1, 2], shape: [2] }, y: { data: [1], shape: [1] } })).toThrow('E506 arrays: columns must have the same number of samples.\n     x has 2, y has 1');
    expect(() => arrays({ x: { data: [1, 2], shape: [3] } })).toThrow('E506 arrays: column "x" must fill its shape');
  });
});

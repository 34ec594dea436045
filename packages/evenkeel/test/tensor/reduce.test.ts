import { describe, expect, it } from 'vitest';
import { logSoftmax, moments, softmax, tensor } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

const x = tensor([[1, 2, 3], [6, 5, 4]]);

describe('reductions', () => {
  it('reduce over all axes or some', async () => {
    expect(await x.sum().array()).toBe(21);
    expect(await x.sum(0).array()).toEqual([7, 7, 7]);
    expect(await x.mean(-1, { keepDims: true }).array()).toEqual([[2], [5]]);
    expect(await x.max([0, 1]).array()).toBe(6);
    expect(await x.min(0).array()).toEqual([1, 2, 3]);
    expect(await x.prod(1).array()).toEqual([6, 120]);
    expect(await x.argmax(1).array()).toEqual([2, 0]);
    expect(x.argmax().dtype).toBe('i32');
  });

  it('variance divides by the count, less the correction', async () => {
    expect(await x.variance(1).array()).toEqual([expect.closeTo(2 / 3), expect.closeTo(2 / 3)]);
    expect(await x.variance(1, { correction: 1 }).array()).toEqual([1, 1]);
    const m = moments(x, 0);
    expect([await m.mean.array(), await m.variance.array(), m.count]).toEqual([[3.5, 3.5, 3.5], [6.25, 2.25, 0.25], 2]);
  });

  it('moments know the mean to more digits than an f32 has', async () => {
    const values = Float32Array.from({ length: 300 }, (_, i) => 10000 + Math.sin(i));
    const exact = values.reduce((sum, v) => sum + v, 0) / 300;
    const { mean, rest } = moments(tensor(values));
    expect(Math.abs(await mean.item() - exact)).toBeGreaterThan(1e-5);
    expect(await mean.item() + await rest.item()).toBeCloseTo(exact, 7);
  });

  it('softmax is stable for large logits', async () => {
    const big = tensor([[1000, 1000], [-1000, 0]]);
    expect(await softmax(big).array()).toEqual([[0.5, 0.5], [0, 1]]);
    expect(await logSoftmax(big).array()).toEqual([[expect.closeTo(-Math.LN2), expect.closeTo(-Math.LN2)], [-1000, 0]]);
    expect(await big.logSumExp(1).array()).toEqual([expect.closeTo(1000 + Math.LN2, 3), 0]);
  });

  it('logSumExp and softmax have infinities as torch has them', async () => {
    const rows = tensor([[Infinity, 1, Infinity], [-Infinity, -Infinity, -Infinity], [NaN, Infinity, 0], [-Infinity, 0, 0]]);
    expect(await rows.logSumExp(1).array()).toEqual([Infinity, -Infinity, NaN, expect.closeTo(Math.LN2)]);
    expect(await softmax(rows).array()).toEqual([[NaN, NaN, NaN], [NaN, NaN, NaN], [NaN, NaN, NaN], [0, 0.5, 0.5]]);
  });

  it('have gradients', () => {
    const value = randomDense([3, 4]);
    for (const f of [nodes.mean, nodes.variance, nodes.prod, nodes.logSumExp]) checkGradient((a) => f(a, 1), [value], { order: 2 });
    checkGradient((a) => nodes.softmax(a, 0), [value], { order: 2 });
    checkGradient((a) => nodes.logSoftmax(a), [value], { order: 2 });
  });

  it('E211 refuses means of integers', () => {
    expect(faultText(() => tensor(Int32Array.of(1, 2)).mean())).toEqual(['E211 mean: x must be f32.', 'x i32 [2]', "Fix: cast it first: x.cast('f32')"]);
  });
});

import { describe, expect, it } from 'vitest';
import { arange, grad, matmul, oneHot, ones, take, tensor, zeros } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

describe('matmul', () => {
  it('multiplies matrices and vectors', async () => {
    const a = tensor([[1, 2], [3, 4]]);
    expect(await matmul(a, a).array()).toEqual([[7, 10], [15, 22]]);
    expect(await a.matmul(tensor([1, 1])).array()).toEqual([3, 7]);
    expect(await tensor([1, 1]).matmul(a).array()).toEqual([4, 6]);
    expect(await tensor([1, 2]).matmul(tensor([3, 4])).array()).toBe(11);
  });

  it('takes leading axes as batches that broadcast', async () => {
    const batched = ones([3, 1, 2, 4]).matmul(ones([5, 4, 2]));
    expect(batched.shape).toEqual([3, 5, 2, 2]);
    expect(await batched.max().item()).toBe(4);
    expect(ones([5, 2, 4]).matmul(ones([4, 3])).shape).toEqual([5, 2, 3]);
    expect(ones([4]).matmul(ones([5, 4, 3])).shape).toEqual([5, 3]);
  });

  it('has gradients', () => {
    checkGradient(nodes.matmul, [randomDense([2, 3, 4]), randomDense([1, 4, 2])], { order: 2 });
    checkGradient(nodes.matmul, [randomDense([3, 4]), randomDense([2, 4, 2])]);
    checkGradient(nodes.matmul, [randomDense([4]), randomDense([4, 2])]);
  });

  it('E204 marks the inner axes', () => {
    expect(faultText(() => matmul(zeros([32, 784]), zeros([768, 256])))).toEqual([
      'E204 matmul: inner axes must agree.', 'a [32, 784]   b [768, 256]', '784 (a, axis 1) != 768 (b, axis 0)',
      'Fix: transpose one of them, or make the last axis of a as long as the rows of b',
    ]);
    expect(faultText(() => matmul(tensor(1), zeros([2])))).toEqual([
      'E204 matmul: both operands need at least one axis.', 'a []   b [2]', 'Fix: use mul for a scalar',
    ]);
    expect(faultText(() => matmul(zeros([2, 2, 3]), zeros([3, 3, 2])))[0]).toBe('E201 matmul: shapes must agree from the last axis on, or be 1.');
  });
});

describe('choosing by index', () => {
  it('takes entries along any axis', async () => {
    const x = arange(6).reshape([2, 3]);
    const i = tensor(Int32Array.of(2, 0));
    expect(await take(x, i, 1).array()).toEqual([[2, 0], [5, 3]]);
    expect(await take(x, tensor([[1, 1]], undefined, 'i32')).array()).toEqual([[[3, 4, 5], [3, 4, 5]]]);
    checkGradient((a) => nodes.take(a, tensor([[1, 1], [3, 0]], undefined, 'i32').node, 1), [randomDense([3, 4, 2])]);
  });

  it('makes one-hot rows', async () => {
    expect(await oneHot(tensor(Int32Array.of(1, 0)), 3).array()).toEqual([[0, 1, 0], [1, 0, 0]]);
  });

  it('adds the gradients of an entry that is taken twice', async () => {
    const x = tensor([1, 2, 3]);
    const [g] = grad(take(x, tensor(Int32Array.of(2, 2, 0))).sum(), [x]);
    expect(await g.array()).toEqual([1, 0, 2]);
  });

  it('E402 refuses constants outside, at once', () => {
    expect(faultText(() => take(zeros([3]), tensor(Int32Array.of(0, 3))))).toEqual([
      'E402 take: input "indices" indexes 3 entries and must lie in 0 .. 2.', 'got 3 at element 1 of [2]',
      'Fix: check the labels or ids in the data (do they count from 1, or mark missing ones with -1?)',
    ]);
    expect(faultText(() => oneHot(tensor([1]), 3))[0]).toBe('E211 oneHot: x must be i32.');
  });
});

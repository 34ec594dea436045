import { describe, expect, it } from 'vitest';
import { arange, concat, tensor, zeros } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

const x = arange(6).reshape([2, 3]);

describe('functions of shape', () => {
  it('reshape and transpose', async () => {
    expect(await x.reshape([3, -1]).array()).toEqual([[0, 1], [2, 3], [4, 5]]);
    expect(await x.transpose().array()).toEqual([[0, 3], [1, 4], [2, 5]]);
    expect(zeros([2, 3, 4]).transpose([0, -1, 1]).shape).toEqual([2, 4, 3]);
    expect(x.expandDims(1).shape).toEqual([2, 1, 3]);
    expect(x.expandDims(-1).squeeze().shape).toEqual([2, 3]);
    expect(zeros([1, 2, 1]).squeeze(0).shape).toEqual([2, 1]);
    expect(zeros([0, 3]).reshape([-1]).shape).toEqual([0]);
  });

  it('slice, pad, flip and concat', async () => {
    expect(await x.slice([0, 1]).array()).toEqual([[1, 2], [4, 5]]);
    expect(await x.slice([-1], [], [1]).array()).toEqual([[3, 4, 5]]);
    expect(await x.slice([0, 0], [2, -1], [1, 2]).array()).toEqual([[0], [3]]);
    expect(await x.pad([[0, 0], [1, 2]], 9).array()).toEqual([[9, 0, 1, 2, 9, 9], [9, 3, 4, 5, 9, 9]]);
    expect(await x.flip(-1).array()).toEqual([[2, 1, 0], [5, 4, 3]]);
    expect(await concat([x, x.slice([1])], 0).array()).toEqual([[0, 1, 2], [3, 4, 5], [3, 4, 5]]);
    expect(await tensor([1, 2]).broadcastTo([2, 2]).array()).toEqual([[1, 2], [1, 2]]);
  });

  it('give gradients back', () => {
    checkGradient((a) => nodes.pad(nodes.slice(nodes.flip(a, 0), [1], [], [1, 2]), [[1, 0]]), [randomDense([3, 4])]);
    checkGradient((a, b) => nodes.stack([nodes.transpose(a), b], 1), [randomDense([2, 3]), randomDense([3, 2])]);
    checkGradient((a) => nodes.broadcastTo(a, [2, 2, 3]), [randomDense([2, 1])]);
  });

  it('refuse what cannot be', () => {
    expect(faultText(() => x.reshape([4, -1]))).toEqual([
      'E203 reshape: the number of elements must not change.', 'a [2, 3] holds 6   to [4, -1]', 'Fix: choose axes whose product is 6; one of them may be -1',
    ]);
    expect(faultText(() => x.sum(2))).toEqual(['E202 sum: the axis must exist.', 'a [2, 3]   axis 2', 'Fix: give an axis from -2 to 1']);
    expect(faultText(() => tensor(1).sum(0))[2]).toBe('Fix: a scalar has no axes; leave the axis out');
    expect(faultText(() => x.sum([0, -2]))).toEqual(['E202 sum: each axis may be named once.', 'a [2, 3]   axes [0, 0]', 'Fix: remove the repeated axis']);
    expect(faultText(() => x.transpose([0]))).toEqual(['E208 transpose: order must give one entry per axis.', 'a [2, 3]   order has 1', 'Fix: give 2']);
    expect(faultText(() => tensor([1, 2]).broadcastTo([3]))[0]).toBe('E201 broadcastTo: shapes must agree from the last axis on, or be 1.');
    expect(faultText(() => concat([]))[0]).toBe('E222 concat: tensors must not be empty.');
    expect(faultText(() => concat([x, tensor([1])]))[0]).toBe('E210 concat: operands must have one dtype.');
    expect(faultText(() => x.slice([0, 0, 0]))[0]).toBe('E208 slice: start must give one entry per axis.');
    expect(faultText(() => x.pad([[0, 0], [0, 0], [0, 0]]))[0]).toBe('E208 pad: widths must give one entry per axis.');
  });
});

import { describe, expect, it } from 'vitest';
import { avgPool2d, grad, maxPool2d, tensor, zeros } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2], [1, 4, 4, 1]);

describe('maxPool2d', () => {
  it('takes the largest value of each window', async () => {
    expect(await maxPool2d(x, { window: 2 }).reshape([2, 2]).array()).toEqual([[6, 8], [9, 7]]);
    expect(await maxPool2d(x, { window: 3, stride: 1 }).reshape([2, 2]).array()).toEqual([[9, 8], [9, 8]]);
  });

  it('drops an incomplete window at the end', () => {
    expect(maxPool2d(zeros([1, 5, 7, 2]), { window: 2 }).shape).toEqual([1, 2, 3, 2]);
    expect(maxPool2d(zeros([1, 5, 7, 2]), { window: 2, padding: 'same' }).shape).toEqual([1, 3, 4, 2]);
  });

  it('never lets padding win', async () => {
    expect(await maxPool2d(x.neg(), { window: 3, stride: 2, padding: 1 }).max().item()).toBeLessThan(0);
  });

  it('sends the gradient of ties to the first in row-major order, as PyTorch does', async () => {
    const flat = zeros([1, 2, 4, 1]);
    const [g] = grad(maxPool2d(flat, { window: 2 }).sum(), [flat]);
    expect(await g.reshape([2, 4]).array()).toEqual([[1, 0, 1, 0], [0, 0, 0, 0]]);
    const [h] = grad(maxPool2d(flat, { window: 2, stride: 1 }).sum(), [flat]);
    expect(await h.reshape([2, 4]).array()).toEqual([[1, 1, 1, 0], [0, 0, 0, 0]]);
  });

  it.each([
    ['tiles', [1, 4, 4, 2], { window: 2 }],
    ['cut tiles', [1, 5, 4, 1], { window: 2 }],
    ['tiles padded at the end', [1, 3, 5, 1], { window: 2, padding: 'same' as const }],
    ['overlapping, padded', [1, 5, 5, 1], { window: 3, stride: 2, padding: 1 }],
  ])('has gradients: %s', (_, shape, options) => {
    checkGradient((a) => nodes.maxPool('maxPool2d', a, options), [randomDense(shape)], { order: 2 });
  });

  it('refuses a window that does not fit', () => {
    expect(faultText(() => maxPool2d(zeros([1, 1, 4, 1]), { window: 2 }))[0]).toBe('E221 maxPool2d: the window must fit into the padded input.');
  });
});

describe('avgPool2d', () => {
  it('takes the mean of each window', async () => {
    expect(await avgPool2d(x, { window: 2 }).reshape([2, 2]).array()).toEqual([[3.5, 5.5], [6.5, 4.5]]);
  });

  it('counts padding unless told not to', async () => {
    const ones = zeros([1, 2, 2, 1]).add(1);
    expect(await avgPool2d(ones, { window: 2, stride: 2, padding: 1 }).reshape([2, 2]).array()).toEqual([[0.25, 0.25], [0.25, 0.25]]);
    expect(await avgPool2d(ones, { window: 2, stride: 2, padding: 1, countPadding: false }).reshape([2, 2]).array()).toEqual([[1, 1], [1, 1]]);
  });

  it.each([
    ['tiles', { window: 2 }],
    ['padded', { window: 3, stride: 2, padding: 1, countPadding: false }],
    ['same', { window: 3, stride: 2, padding: 'same' as const }],
  ])('has gradients: %s', (_, options) => {
    checkGradient((a) => nodes.averagePool('avgPool2d', a, options), [randomDense([1, 5, 4, 1])]);
  });
});

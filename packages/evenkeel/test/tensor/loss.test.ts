import { describe, expect, it } from 'vitest';
import { binaryCrossEntropy, crossEntropy, huber, mae, mse, tensor, zeros } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

const labels = tensor(Int32Array.of(0, 2, 1));

describe('crossEntropy', () => {
  it('is log(classes) for equal logits', async () => {
    expect(await crossEntropy(zeros([3, 4]), labels).item()).toBeCloseTo(Math.log(4), 6);
  });

  it('is stable where probabilities underflow', async () => {
    expect(await crossEntropy(tensor([[0, 1000]]), tensor(Int32Array.of(0))).item()).toBe(1000);
    expect(await crossEntropy(tensor([[-Infinity, 0]]), tensor(Int32Array.of(1))).item()).toBe(0);
  });

  it('takes probabilities, and smooths labels', async () => {
    const logits = tensor([[1, 2, 3]]);
    const hard = await crossEntropy(logits, tensor(Int32Array.of(2))).item();
    expect(await crossEntropy(logits, tensor([[0, 0, 1]])).item()).toBeCloseTo(hard, 6);
    const smoothed = await crossEntropy(logits, tensor(Int32Array.of(2)), { smoothing: 0.3 }).item();
    expect(smoothed).toBeCloseTo(await crossEntropy(logits, tensor([[0.1, 0.1, 0.8]])).item(), 6);
  });

  it('has gradients of gradients', () => {
    checkGradient((x) => nodes.crossEntropy(x, labels.node), [randomDense([3, 4])], { order: 2 });
    checkGradient((x) => nodes.crossEntropy(x, labels.node, { smoothing: 0.1 }), [randomDense([3, 4])], { order: 2 });
    checkGradient((x, t) => nodes.crossEntropy(x, nodes.softmax(t)), [randomDense([3, 4]), randomDense([3, 4], -1, 1, 2)], { order: 2 });
    checkGradient((x) => nodes.crossEntropy(x, tensor([[0, 1], [2, 0]], undefined, 'i32').node), [randomDense([2, 2, 3])]);
  });

  it('E223 refuses labels that do not fit, E402 labels outside', () => {
    expect(faultText(() => crossEntropy(zeros([3, 4]), zeros([3])))).toEqual([
      'E223 crossEntropy: labels must be i32 class numbers, one for each row of logits, or f32 probabilities of the same shape.',
      'logits f32 [3, 4]   labels f32 [3]', 'Fix: give labels the shape of logits without its last axis, and cast them to i32',
    ]);
    expect(faultText(() => crossEntropy(zeros([3, 2]), labels))[0]).toBe('E402 crossEntropy: input "indices" indexes 2 entries and must lie in 0 .. 1.');
    expect(faultText(() => crossEntropy(zeros([3, 4]), labels, { smoothing: 1 }))[0]).toBe('E222 crossEntropy: smoothing must be in 0 .. 1.');
  });
});

describe('regression and binary losses', () => {
  it('follow their formulas', async () => {
    const [a, b] = [tensor([1, 2, 5]), tensor([1, 4, 1])];
    expect(await mse(a, b).item()).toBeCloseTo(20 / 3, 5);
    expect(await mae(a, b).item()).toBeCloseTo(2, 6);
    expect(await huber(a, b).item()).toBeCloseTo((1.5 + 3.5) / 3, 6);
    expect(await binaryCrossEntropy(tensor([0, 100, -100]), tensor([1, 1, 1])).item()).toBeCloseTo((Math.LN2 + 0 + 100) / 3, 4);
  });

  it('have gradients', () => {
    const pair = [randomDense([3, 2], -3, 3), randomDense([3, 2], -3, 3, 9)];
    for (const loss of [nodes.mse, nodes.huber]) checkGradient((a, b) => loss(a, b), pair, { order: 2 });
    checkGradient((a, b) => nodes.binaryCrossEntropy(a, nodes.sigmoid(b)), pair, { order: 2 });
  });

  it('E201 refuse to broadcast', () => {
    expect(faultText(() => mse(zeros([4, 1]), zeros([4])))[0]).toBe('E201 mse: shapes must agree from the last axis on, or be 1.');
  });
});

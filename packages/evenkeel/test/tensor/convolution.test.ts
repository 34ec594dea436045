import { describe, expect, it } from 'vitest';
import { conv1d, conv2d, conv3d, convTranspose2d, grad, ones, tensor, zeros } from '../../src/tensor/index.ts';
import type { ConvolutionOptions } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense, run } from '../support/check-op.ts';
import { build } from '../../src/graph/index.ts';
import { faultText } from '../support/fault-text.ts';

describe('conv2d', () => {
  it('slides a kernel over an image', async () => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const w = tensor([1, 10, 100, 1000], [2, 2, 1, 1]);
    expect(await conv2d(x, w).reshape([2, 2]).array()).toEqual([[5421, 6532], [8754, 9865]]);
    expect(await conv2d(x, w, { padding: [[1, 0], [1, 0]], stride: 2 }).reshape([2, 2]).array()).toEqual([[1000, 3200], [7040, 9865]]);
  });

  it("'same' keeps ceil(extent / stride) outputs and pads the end more, as TensorFlow does", () => {
    expect(conv2d(zeros([1, 7, 8, 2]), zeros([3, 3, 2, 5]), { padding: 'same', stride: 2 }).shape).toEqual([1, 4, 4, 5]);
    expect(conv2d(zeros([1, 7, 8, 2]), zeros([3, 3, 2, 5]), { padding: 'valid' }).shape).toEqual([1, 5, 6, 5]);
    expect(conv2d(zeros([1, 7, 8, 2]), zeros([3, 3, 2, 5]), { padding: 1, dilation: 2 }).shape).toEqual([1, 5, 6, 5]);
  });

  it('sends each output channel to its own group', async () => {
    const x = tensor([1, 2, 3, 4], [1, 1, 1, 4]);
    const w = tensor([1, 1, 1, 1, 10, 10, 10, 10], [1, 1, 2, 4]);
    expect(await conv2d(x, w, { groups: 2 }).reshape([4]).array()).toEqual([21, 21, 43, 43]);
    const each = tensor([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 8]);
    expect(await conv2d(x, each, { groups: 4 }).reshape([8]).array()).toEqual([1, 2, 6, 8, 15, 18, 28, 32]);
  });

  it('agrees with seven nested loops', () => {
    const [x, w] = [randomDense([2, 5, 6, 4]), randomDense([3, 2, 2, 6], -1, 1, 2)];
    const options = { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 };
    const y = run(nodes.convolution('conv2d', build.input(0, x.shape), build.input(1, w.shape), options), [x, w]);
    expect(y.shape).toEqual([2, 3, 8, 6]);
    for (let at = 0; at < y.data.length; at += 7) {
      const [n, i, j, o] = [Math.floor(at / 144), Math.floor(at / 48) % 3, Math.floor(at / 6) % 8, at % 6];
      let total = 0;
      for (let k = 0; k < 3; k++) for (let l = 0; l < 2; l++) for (let c = 0; c < 2; c++) {
        const [h, v] = [i * 2 + k - 1, j + l * 2 - 2];
        if (h < 0 || h >= 5 || v < 0 || v >= 6) continue;
        total += x.data[((n * 5 + h) * 6 + v) * 4 + Math.floor(o / 3) * 2 + c] * w.data[((k * 2 + l) * 2 + c) * 6 + o];
      }
      expect(y.data[at]).toBeCloseTo(total, 12);
    }
  });

  const geometries: [string, number[], number[], ConvolutionOptions][] = [
    ['plain', [1, 4, 4, 2], [3, 3, 2, 2], {}],
    ['same', [1, 4, 3, 2], [3, 3, 2, 1], { padding: 'same' }],
    ['stride 2, padding 1', [1, 5, 4, 1], [3, 3, 1, 2], { stride: 2, padding: 1 }],
    ['stride 3, dilation 2', [1, 7, 6, 1], [3, 2, 1, 2], { stride: 3, dilation: 2, padding: [2, 1] }],
    ['stride 2, dilation 2', [1, 7, 6, 1], [3, 2, 1, 2], { stride: 2, dilation: 2, padding: [[2, 1], [0, 1]] }],
    ['stride larger than the kernel', [1, 6, 5, 1], [1, 2, 1, 1], { stride: 3 }],
    ['padding larger than the kernel', [1, 2, 3, 1], [2, 2, 1, 1], { padding: 3 }],
    ['groups', [1, 4, 3, 4], [3, 2, 2, 4], { groups: 2, padding: 1, stride: 2 }],
    ['depthwise', [1, 3, 3, 3], [2, 2, 1, 3], { groups: 3, padding: 1 }],
    ['depthwise, two outputs a channel, stride 2', [1, 4, 3, 2], [2, 3, 1, 4], { groups: 2, padding: 1, stride: 2 }],
  ];
  it.each(geometries)('has gradients of gradients: %s', (_, x, w, options) => {
    checkGradient((a, b) => nodes.convolution('conv2d', a, b, options), [randomDense(x), randomDense(w, -1, 1, 2)], { order: 2 });
  });

  it('never multiplies by inserted zeros: a strided input gradient has one product for each phase', () => {
    const [x, w] = [zeros([1, 8, 8, 3]), zeros([3, 3, 3, 4])];
    const [dx] = grad(conv2d(x, w, { stride: 2, padding: 1 }).sum(), [x]);
    const kernels: number[] = [];
    const walk = (node: typeof dx.node, seen = new Set<unknown>()): void => {
      if (seen.has(node)) return;
      seen.add(node);
      if (node.op.name === 'dot') kernels.push(node.inputs[1].shape[0] * node.inputs[1].shape[1]);
      node.inputs.slice(0, node.op.name === 'custom' ? 1 : undefined).forEach((n) => walk(n, seen));
    };
    walk(dx.node);
    expect(kernels.toSorted()).toEqual([1, 2, 2, 4]);
  });

  it('E220 and E221 refuse operands that do not fit', () => {
    expect(faultText(() => conv2d(zeros([8, 28, 28, 3]), zeros([3, 3, 1, 32])))).toEqual([
      'E220 conv2d: 3 input channels in 1 group need a kernel of 3 channels, not 1.', 'x [8, 28, 28, 3]   w [3, 3, 1, 32]',
      'Fix: give w the shape [...size, 3, 32]; x must be channels last',
    ]);
    expect(faultText(() => conv2d(zeros([8, 28, 3]), zeros([3, 3, 3, 32])))[0]).toBe('E220 conv2d: x must be [N, ...spatial, C] and w [...size, C / groups, O].');
    expect(faultText(() => conv2d(zeros([1, 4, 4, 3]), zeros([3, 3, 1, 4]), { groups: 2 }))[0])
      .toBe('E220 conv2d: groups (2) must divide the input and output channels.');
    expect(faultText(() => conv2d(zeros([1, 4, 4, 1]), zeros([5, 3, 1, 1])))).toEqual([
      'E221 conv2d: the window must fit into the padded input.', 'x [1, 4, 4, 1]   axis 1: window reaches 5, padded input has 4',
      "Fix: use a smaller window or dilation, or padding: 'same'",
    ]);
    expect(faultText(() => conv2d(zeros([1, 4, 4, 1]), zeros([3, 3, 1, 1]), { stride: 0 }))).toEqual([
      'E222 conv2d: stride must be whole numbers from 1.', 'got 0', 'Fix: give stride: 1 or more',
    ]);
    expect(faultText(() => conv2d(zeros([1, 4, 4, 1]), zeros([3, 3, 1, 1]), { padding: [1] }))).toEqual([
      'E208 conv2d: padding must give one entry per axis.', 'a [1, 4, 4, 1]   padding has 1', 'Fix: give 2',
    ]);
    expect(faultText(() => conv2d(zeros([1, 4, 4, 1]), zeros([3, 3, 1, 1]), { padding: -1 }))[0])
      .toBe("E222 conv2d: padding must be whole numbers from 0, 'same' or 'valid'.");
  });
});

describe('the other convolutions', () => {
  it('conv1d and conv3d work alike', async () => {
    expect(await conv1d(tensor([1, 2, 3, 4], [1, 4, 1]), tensor([1, 10], [2, 1, 1])).reshape([3]).array()).toEqual([21, 32, 43]);
    expect(await conv3d(ones([1, 3, 3, 3, 2]), ones([2, 2, 2, 2, 1])).max().item()).toBe(16);
    checkGradient((a, b) => nodes.convolution('conv3d', a, b, { stride: 2, padding: 1 }), [randomDense([1, 3, 2, 3, 1]), randomDense([2, 2, 2, 1, 1])]);
  });

  it('convTranspose2d is the adjoint of conv2d', () => {
    expect(convTranspose2d(zeros([1, 3, 3, 4]), zeros([3, 3, 2, 4]), { stride: 2, padding: 1, outputPadding: 1 }).shape).toEqual([1, 6, 6, 2]);
    const [x, y, w] = [randomDense([1, 6, 6, 2]), randomDense([1, 3, 3, 4], -1, 1, 2), randomDense([3, 3, 2, 4], -1, 1, 3)];
    const inputs = [x, y, w].map((v, slot) => build.input(slot, v.shape));
    const options = { stride: 2, padding: 1 };
    const forward = nodes.sum(nodes.mul(nodes.convolution('conv2d', inputs[0], inputs[2], options), inputs[1]));
    const backward = nodes.sum(nodes.mul(nodes.transposedConvolution('convTranspose2d', inputs[1], inputs[2], { ...options, outputPadding: 1 }), inputs[0]));
    expect(run(forward, [x, y, w]).data[0]).toBeCloseTo(run(backward, [x, y, w]).data[0], 12);
    checkGradient((a, b) => nodes.transposedConvolution('convTranspose2d', a, b, options), [randomDense([1, 2, 2, 2]), randomDense([3, 3, 1, 2])], { order: 2 });
  });
});

import { beforeAll, expect, it } from 'vitest';
import { Adam, Buffer, Param, SGD, batchNormalize, compile, configure, crossEntropy, dropout, grad, matmul, mul, nn, relu, softmax, standardize, sum } from '../../src/index.ts';
import { expectKernels } from '../support/expect-kernels.ts';

beforeAll(() => configure({ backend: 'wasm', threads: 1 }));

const feed = (...shape: number[]) => ({ data: Float32Array.from({ length: shape.reduce((n, e) => n * e, 1) }, (_, i) => Math.sin(i)), shape });
const labels = { data: Int32Array.from({ length: 64 }, (_, i) => i % 10), shape: [64], dtype: 'i32' as const };

it('matmul + bias + relu is one kernel', () => expectKernels(
  ({ a, b, bias }) => ({ y: relu(matmul(a, b).add(bias)) }),
  { a: feed(64, 100), b: feed(100, 48), bias: feed(48) }, 1));

it('matmul takes a computed operand along', () => expectKernels(
  ({ a, b }) => ({ y: matmul(a.exp(), b.mul(2)) }), { a: feed(64, 100), b: feed(100, 48) }, 1));

it('batch norm + relu forward in training is two kernels', () => expectKernels(
  ({ x, scale, shift }) => ({ y: relu(batchNormalize(x, [0, 1, 2], { scale, shift }).y) }),
  { x: feed(32, 12, 12, 16), scale: feed(16), shift: feed(16) }, 2));

it('batch norm + relu backward is two more: the loss needs all of y before any of dx', () => expectKernels(
  ({ x, scale, shift, g }) => {
    const y = relu(batchNormalize(x, [0, 1, 2], { scale, shift }).y);
    const total = sum(mul(y, g));
    const [dx, dscale, dshift] = grad(mul(total, total), [x, scale, shift]);
    return { dx, dscale, dshift };
  }, { x: feed(32, 12, 12, 16), scale: feed(16), shift: feed(16), g: feed(32, 12, 12, 16) }, 4));

it('where nothing lies between, forward and backward share a walk', () => expectKernels(
  ({ x, scale, shift, g }) => {
    const y = relu(batchNormalize(x, [0, 1, 2], { scale, shift }).y);
    const [dx, dscale, dshift] = grad(sum(mul(y, g)), [x, scale, shift]);
    return { y, dx, dscale, dshift };
  }, { x: feed(32, 12, 12, 16), scale: feed(16), shift: feed(16), g: feed(32, 12, 12, 16) }, 3));

it('running statistics ride along with the batch statistics', async () => {
  const norm = nn.batchNorm();
  await expectKernels(({ x }) => ({ y: relu(norm.forward(x)) }), { x: feed(32, 12, 12, 16) }, 2);
});

it('a convolution gathers the batch statistics of its output', () => {
  const conv = nn.conv2d(16, 3, { padding: 1 });
  const norm = nn.batchNorm();
  return expectKernels(({ x }) => ({ y: relu(norm.forward(conv.forward(x))) }), { x: feed(8, 12, 12, 4) }, 3);
});

it('softmax cross-entropy, loss and gradient, is one kernel after the logits', () => expectKernels(
  ({ logits, y }) => {
    const loss = crossEntropy(logits, y);
    return { loss, g: grad(loss, [logits])[0] };
  }, { logits: feed(64, 10), y: labels }, 1));

it('softmax is one kernel', () => expectKernels(({ x }) => ({ y: softmax(x) }), { x: feed(64, 33) }, 1));

it('layer norm is one kernel forward', () => expectKernels(
  ({ x, scale, shift }) => ({ y: standardize(x, [1], { scale, shift }).y }), { x: feed(64, 48), scale: feed(48), shift: feed(48) }, 1));

it('layer norm forward and backward over the same rows is one kernel', () => expectKernels(
  ({ x, scale, shift, g }) => {
    const { y } = standardize(x, [1], { scale, shift });
    const [dx, dscale, dshift] = grad(sum(mul(y, g)), [x, scale, shift]);
    return { y, dx, dscale, dshift };
  }, { x: feed(64, 48), scale: feed(48), shift: feed(48), g: feed(64, 48) }, 1));

it('Adam updates a whole group of parameters in one kernel', async () => {
  for (const optimizer of [new Adam({ rate: 1e-3 }), new Adam({ rate: 1e-3, weightDecay: 0.1 }), new SGD({ rate: 0.1, momentum: 0.9, nesterov: true })]) {
    const shapes = [[3, 3, 1, 32], [32], [40, 10], [10]];
    const params = shapes.map((shape, i) => new Param({ shape, name: `p${i}` }));
    await expectKernels((inputs) => {
      const loss = params.map((p, i) => sum(mul(p.value, inputs[`g${i}`]))).reduce((a, b) => a.add(b));
      optimizer.minimize(loss, params);
    }, Object.fromEntries(shapes.map((shape, i) => [`g${i}`, feed(...shape)])), 1);
  }
});

it('dropout fuses with its neighbours, and its backward draws the mask again', () => expectKernels(
  ({ x }) => {
    const y = dropout(x.exp(), 0.5);
    return { y, dx: grad(sum(y), [x])[0] };
  }, { x: feed(64, 100) }, 1));

it('explain says what a kernel moves and why it stands alone', async () => {
  const step = compile('explained', ({ x }) => ({ y: relu(batchNormalize(x, [0, 1, 2]).y) }));
  await step({ x: feed(32, 12, 12, 16) });
  const text = await step.explain();
  expect(text).toMatch(/2 kernels, .* read, .* written, .* flops, arena/);
  expect(text).toMatch(/not fused: relu\d+ \(would save \d+ B\): needs \w+ complete/);
});

it('a ref that nobody else reads is updated in place', async () => {
  const state = new Buffer({ shape: [3], data: [1, 2, 3], name: 'state' });
  await expectKernels(() => { state.assign(state.value.mul(2).add(1)); }, {}, 1);
  expect(await state.read()).toEqual(Float32Array.of(3, 5, 7));
});

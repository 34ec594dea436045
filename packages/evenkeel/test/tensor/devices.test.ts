/** Composite functions and their gradients: the device agrees with the oracle, and with itself on any number of threads. */
import { afterAll, expect, it } from 'vitest';
import { configure } from '../../src/runtime/index.ts';
import {
  avgPool2d, batchNormalize, compile, conv2d, convTranspose2d, crossEntropy, dropout, grad, maxPool2d, Param, random, rmsNormalize, standardize, take,
  tensor, where,
} from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

const draw = (shape: readonly number[], stream: number): Tensor => random.normal(shape, { seed: 3, stream });

type Case = readonly [name: string, shapes: readonly (readonly number[])[], f: (...xs: Tensor[]) => Tensor];
const cases: readonly Case[] = [
  ['conv2d', [[2, 7, 7, 3], [3, 3, 3, 8]], (x, w) => conv2d(x, w, { padding: 1 })],
  ['conv2d, stride 2', [[2, 8, 8, 3], [3, 3, 3, 5]], (x, w) => conv2d(x, w, { padding: 1, stride: 2 })],
  ['conv2d, 1x1, stride 2', [[2, 8, 8, 3], [1, 1, 3, 5]], (x, w) => conv2d(x, w, { stride: 2 })],
  ['conv2d, dilated', [[2, 9, 9, 3], [3, 3, 3, 4]], (x, w) => conv2d(x, w, { dilation: 2, padding: 'same' })],
  ['conv2d, grouped', [[2, 6, 6, 8], [3, 3, 4, 6]], (x, w) => conv2d(x, w, { padding: 1, groups: 2 })],
  ['conv2d, depthwise', [[2, 6, 6, 8], [3, 3, 1, 8]], (x, w) => conv2d(x, w, { padding: 1, groups: 8 })],
  ['convTranspose2d', [[2, 4, 4, 5], [3, 3, 3, 5]], (x, w) => convTranspose2d(x, w, { padding: 1, stride: 2 })],
  ['maxPool2d', [[2, 6, 6, 8]], (x) => maxPool2d(x, { window: 2 })],
  ['maxPool2d, overlapping', [[2, 6, 6, 8]], (x) => maxPool2d(x, { window: 3, stride: 2, padding: 1 })],
  ['avgPool2d', [[2, 6, 6, 8]], (x) => avgPool2d(x, { window: 3, stride: 2, padding: 1, countPadding: false })],
  ['batchNormalize', [[8, 4, 4, 5], [5], [5]], (x, scale, shift) => batchNormalize(x, [0, 1, 2], { scale, shift }).y],
  ['standardize', [[8, 33], [33], [33]], (x, scale, shift) => standardize(x, 1, { scale, shift }).y],
  ['standardize, large mean', [[8, 33]], (x) => standardize(x.add(1000), 1).y],
  ['rmsNormalize', [[8, 33], [33]], (x, scale) => rmsNormalize(x, 1, { scale })],
  ['crossEntropy', [[8, 10]], (x) => crossEntropy(x, tensor(Int32Array.of(0, 1, 2, 3, 4, 5, 6, 9)))],
  ['softmax', [[8, 10]], (x) => x.softmax()],
  ['matmul and tanh', [[3, 17, 9], [9, 13]], (a, b) => a.matmul(b).tanh()],
  ['matmul of batches', [[3, 17, 9], [3, 9, 13]], (a, b) => a.matmul(b)],
  ['take', [[7, 5]], (x) => take(x, tensor(Int32Array.of(0, 6, 2, 2)))],
  ['where and max', [[5, 6], [6]], (a, b) => where(a.gt(b), a.exp(), b.sub(a).square()).max(0)],
  ['a block of a network', [[4, 8, 8, 3], [3, 3, 3, 8], [8], [8]],
    (x, w, scale, shift) => maxPool2d(batchNormalize(conv2d(x, w, { padding: 1 }).relu(), [0, 1, 2], { scale, shift }).y, { window: 2 })],
];

afterAll(() => configure({ backend: 'oracle' }));

it.each(cases)('%s', async (name, shapes, f) => {
  const runs: ArrayLike<number>[][] = [];
  for (const [backend, threads] of [['oracle', 1], ['wasm', 1], ['wasm', 3]] as const) {
    await configure({ backend, threads });
    const step = compile(name, (inputs) => {
      const xs = shapes.map((_, i) => inputs[`x${i}`]);
      const y = f(...xs);
      const gradients = grad(y.mul(draw(y.shape, 99)).sum(), xs);
      return Object.fromEntries([y, ...gradients].map((t, i) => [i, t.reshape([-1])]));
    });
    const results = await step(Object.fromEntries(shapes.map((shape, i) => [`x${i}`, draw(shape, i)])));
    runs.push(Object.values(results).map((t) => t.known!));
    step.dispose();
  }
  const [oracle, one, three] = runs;
  const tolerance = name.includes('large mean') ? 1e-3 : 2e-5;
  oracle.forEach((values, i) => {
    for (let k = 0; k < values.length; k++) {
      if (Math.abs(values[k] - one[i][k]) > tolerance * (1 + Math.abs(values[k]))) expect([i, k, one[i][k]]).toEqual([i, k, values[k]]);
    }
  });
  expect(three).toEqual(one);
});

it('a training step too large for one thread gives the same bits on 1, 2 and 5', async () => {
  const runs: unknown[] = [];
  for (const threads of [1, 2, 5]) {
    await configure({ backend: 'wasm', threads });
    const params = [[3, 3, 3, 16], [16], [16]].map((shape, i) => new Param({ shape, data: draw(shape, i).known! }));
    const step = compile('block', ({ x }) => {
      const h = batchNormalize(conv2d(x, params[0], { padding: 1 }).relu(), [0, 1, 2], { scale: params[1], shift: params[2] }).y;
      const loss = dropout(maxPool2d(h, { window: 2 }), 0.5).square().mean();
      grad(loss, params).forEach((g, i) => params[i].assign(params[i].value.sub(g.mul(0.1))));
      return { loss };
    });
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) losses.push((await step({ x: draw([16, 24, 24, 3], 10 + i) })).loss);
    runs.push([losses, ...await Promise.all(params.map((p) => p.read()))]);
  }
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
});

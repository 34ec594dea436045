import { describe, expect, test } from 'vitest';
import { plan } from '../../src/compiler/index.ts';
import { build as b } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';
import { backendCheck, Sketch } from '../support/check-backends.ts';

const check = backendCheck();
const matrix = { batch: 0, contract: 1 };

/** Rows minus their logarithm of a sum of exponentials: two passes over each row. */
function logSoftmax(x: Node): Node {
  return b.sub(x, b.expand(b.reduce(x, 'softmax', 'lse', [x.shape.length - 1]), x.shape, [x.shape.length - 1]));
}

describe('new values of refs', () => {
  test('in place, without a copy', async () => {
    const s = new Sketch();
    const [w, g] = [s.ref([33, 5]), s.input([33, 5])];
    const of = s.finish([], [{ ref: w, value: b.sub(w, b.mul(g, b.fullLike(g, 0.1))) }]);
    expect(plan(of.program).buffers.filter((x) => x.kind === 'temp')).toEqual([]);
    await check(of);
  });

  test('an output is the value before the step', async () => {
    const s = new Sketch();
    const [w, v] = [s.ref([7]), s.ref([2, 3])];
    await check(s.finish([w, v, b.reshape(v, [6]), b.reshape(w, [7, 1])], [{ ref: w, value: s.input([7]) }, { ref: v, value: b.add(v, v) }]));
  });

  test('exchanged, and passed on in a ring', async () => {
    for (const shape of [[], [5], [40, 7]]) {
      const s = new Sketch();
      const [x, y, z, u, v] = Array.from({ length: 5 }, () => s.ref(shape));
      await check(s.finish([], [{ ref: x, value: y }, { ref: y, value: x }, { ref: z, value: u }, { ref: u, value: v }, { ref: v, value: z }]));
    }
  });

  test('one value for two refs, one ref for another that changes too', async () => {
    const s = new Sketch();
    const [x, y, z] = [s.ref([9]), s.ref([9]), s.ref([3, 3])];
    const sum = b.add(x, s.input([9]));
    await check(s.finish([sum], [{ ref: x, value: sum }, { ref: y, value: sum }, { ref: z, value: b.reshape(y, [3, 3]) }]));
  });

  test('read by others at other places', async () => {
    const s = new Sketch();
    const w = s.ref([6, 6]);
    const next = b.add(w, s.input([6, 6]));
    await check(s.finish([b.transpose(w, [1, 0]), b.reduce(w, 'sum', 'value', [0]), b.add(b.flip(w, [0]), next)], [{ ref: w, value: next }]));
  });

  test('from themselves moved about', async () => {
    const s = new Sketch();
    const [x, y, z] = [s.ref([5, 5]), s.ref([8]), s.ref([3, 4])];
    await check(s.finish([], [
      { ref: x, value: b.transpose(x, [1, 0]) }, { ref: y, value: b.add(y, b.flip(y, [0])) }, { ref: z, value: b.reshape(b.transpose(z, [1, 0]), [3, 4]) },
    ]));
  });

  test('a product that reads what it overwrites', async () => {
    const s = new Sketch();
    const [x, y] = [s.ref([17, 17]), s.ref([17, 17])];
    await check(s.finish([], [{ ref: x, value: b.dot(x, y, matrix) }, { ref: y, value: b.tanh(b.dot(y, y, matrix)) }]));
  });

  test('overwritten in a walk of rows that reads them once more', async () => {
    const s = new Sketch();
    const [x, y, z] = [s.ref([5, 9]), s.ref([5, 9]), s.input([5, 9])];
    const centered = b.reduce(logSoftmax(x), 'sum', 'value', [1]);
    await check(s.finish([centered], [{ ref: x, value: b.add(y, x) }, { ref: y, value: b.add(z, y) }]));
  });

  test('reduced to themselves', async () => {
    const s = new Sketch();
    const [mean, x] = [s.ref([7]), s.input([40, 7])];
    const now = b.reduce(x, 'moments', 'mean', [0]);
    const old = b.expand(mean, [40, 7], [0]);
    await check(s.finish([b.sub(x, old)], [{ ref: mean, value: b.add(b.mul(mean, b.fullLike(mean, 0.9)), b.mul(now, b.fullLike(now, 0.1))) }]));
  });

  test('of no elements', async () => {
    const s = new Sketch();
    const w = s.ref([0, 3]);
    await check(s.finish([w], [{ ref: w, value: b.add(w, w) }]));
  });
});

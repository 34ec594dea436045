import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/base/index.ts';
import type { Shape } from '../../src/base/index.ts';
import { plan } from '../../src/compiler/index.ts';
import { build as b } from '../../src/graph/index.ts';
import type { DotAttrs, Node } from '../../src/graph/index.ts';
import { backendCheck, Sketch } from '../support/check-backends.ts';
import type { Case } from '../support/program-case.ts';

const check = backendCheck();
const matrix: DotAttrs = { batch: 0, contract: 1 };
const SIZES = [1, 2, 3, 5, 7, 13, 17, 33, 65];

const phases = (of: Case): number => plan(of.program).kernels.reduce((n, k) => n + k.phases.length, 0);

describe('sizes', () => {
  for (const m of [1, 2, 5, 7, 13, 65]) {
    test(`${m} rows`, async () => {
      const s = new Sketch();
      await check(s.finish(SIZES.flatMap((n, i) => [1, 3, SIZES[i], 33].map((k) => b.dot(s.input([m, k]), s.input([k, n]), matrix)))));
    });
  }

  test('several blocks in every direction', async () => {
    const s = new Sketch();
    await check(s.finish([b.dot(s.input([211, 409]), s.input([409, 281]), matrix)]));
  });

  test('nothing to sum, no rows, no columns', async () => {
    const s = new Sketch();
    await check(s.finish([[[3, 0], [0, 2]], [[0, 3], [3, 2]], [[3, 2], [2, 0]], [[0, 0], [0, 0]]].map(([x, y]) => b.dot(s.input(x), s.input(y), matrix))));
  });
});

describe('axes', () => {
  const cases: readonly (readonly [Shape, Shape, DotAttrs])[] = [
    [[], [], { batch: 0, contract: 0 }], [[3], [4], { batch: 0, contract: 0 }], [[5], [5], matrix], [[5], [5, 3], matrix], [[3, 5], [5], matrix],
    [[4, 5], [4, 3], { batch: 1, contract: 0 }], [[4, 5], [4, 5], { batch: 1, contract: 1 }], [[3, 7, 5], [3, 5, 9], { batch: 1, contract: 1 }],
    [[2, 3, 7, 5], [2, 3, 5, 9], { batch: 2, contract: 1 }], [[2, 3, 4, 5], [4, 5, 6, 7], { batch: 0, contract: 2 }], [[2, 3, 4, 5], [2, 4, 5, 3], { batch: 1, contract: 2 }],
    [[2, 3, 4, 5, 6], [4, 5, 6, 2], { batch: 0, contract: 3 }], [[1, 3, 1, 5], [1, 5, 1, 7], { batch: 1, contract: 1 }], [[17, 1], [1, 33], matrix],
  ];

  test('batches, several rows, columns and summed axes', async () => {
    const s = new Sketch();
    await check(s.finish(cases.map(([x, y, attrs]) => b.dot(s.input(x), s.input(y), attrs))));
  });

  test('transposed operands', async () => {
    const s = new Sketch();
    const t = (x: Node): Node => b.transpose(x, [1, 0]);
    await check(s.finish([
      b.dot(t(s.input([19, 23])), s.input([19, 9]), matrix), b.dot(s.input([23, 19]), t(s.input([9, 19])), matrix), b.dot(t(s.input([19, 23])), t(s.input([9, 19])), matrix),
      b.dot(b.transpose(s.input([3, 5, 4, 7]), [2, 0, 3, 1]), b.transpose(s.input([6, 5, 7]), [2, 1, 0]), { batch: 0, contract: 2 }),
      b.dot(t(s.input([600, 40])), s.input([600, 3]), matrix),
    ]));
  });
});

describe('what is computed on the way', () => {
  test('operands', async () => {
    const s = new Sketch();
    const [x, y] = [s.input([33, 40]), s.input([40, 21])];
    const column = b.broadcastTo(b.reshape(s.input([33]), [33, 1]), [33, 40]);
    await check(s.finish([
      b.dot(b.relu(x), b.tanh(y), matrix), b.dot(b.mul(x, column), y, matrix), b.dot(b.pad(x, [1, 2], [0, 1]), b.concat([y, b.slice(y, [0, 0], [3, 21])], 0), matrix),
      b.dot(b.slice(x, [1, 1], [30, 40], [2, 3]), b.slice(y, [2, 0], [40, 21], [3, 2]), matrix), b.dot(b.flip(x, [1]), b.flip(y, [0, 1]), matrix),
      b.dot(b.gather(x, s.input([5], { dtype: 'i32' })), y, matrix), b.dot(b.cast(b.lt(x, column), 'f32'), y, matrix),
    ]));
  });

  test('a right operand cut from the middle of a tensor', async () => {
    const s = new Sketch();
    const middle = b.slice(b.reshape(b.abs(s.input([17, 5, 2, 1])), [170]), [38], [104]);
    await check(s.finish([b.dot(s.input([2, 33]), b.reshape(middle, [2, 33]), { batch: 0, contract: 2 })]));
  });

  test('results', async () => {
    const s = new Sketch();
    const product = b.dot(s.input([34, 40]), s.input([40, 21]), matrix);
    const bias = b.broadcastTo(s.input([21]), product.shape);
    const sum = b.add(product, bias);
    await check(s.finish([product, sum, b.relu(sum), b.mul(sum, s.input([34, 21])), b.lt(product, bias), b.transpose(sum, [1, 0]), b.reshape(sum, [17, 2, 21]), b.add(sum, b.cast(b.iota([34, 21], 0), 'f32'))]));
  });

  test('one after another', async () => {
    const s = new Sketch();
    const hidden = b.relu(b.dot(s.input([33, 20]), s.input([20, 40]), matrix));
    const out = b.dot(hidden, s.input([40, 7]), matrix);
    await check(s.finish([out, b.dot(out, b.transpose(out, [1, 0]), matrix)]));
  });
});

describe('statistics of a product', () => {
  for (const [rows, columns] of [[7, 5], [33, 21], [200, 65], [1000, 3]]) {
    test(`of its columns: ${rows} x ${columns}`, async () => {
      const s = new Sketch();
      const product = b.dot(s.input([rows, 19]), s.input([19, columns]), matrix);
      const biased = b.add(product, b.broadcastTo(s.input([columns]), product.shape));
      const fields = [['sum', 'value'], ['max', 'value'], ['min', 'value'], ['moments', 'mean'], ['moments', 'm2'], ['argmax', 'value'], ['softmax', 'lse']] as const;
      await check(s.finish([biased, ...fields.map(([monoid, field]) => b.reduce(biased, monoid, field, [0]))]));
    });

    test(`of its rows: ${rows} x ${columns}`, async () => {
      const s = new Sketch();
      const product = b.dot(s.input([rows, 19]), s.input([19, columns]), matrix);
      const lse = b.reduce(product, 'softmax', 'lse', [1]);
      await check(s.finish([b.sub(product, b.expand(lse, product.shape, [1])), b.reduce(product, 'moments', 'm2', [1]), b.reduce(product, 'argmax', 'value', [1])]));
    });
  }

  test('of a product in many axes', async () => {
    const s = new Sketch();
    const product = b.dot(s.input([3, 5, 7, 4]), s.input([4, 9]), matrix);
    await check(s.finish([b.reduce(product, 'moments', 'mean', [0, 1, 2]), b.reduce(product, 'moments', 'm2', [0, 1, 2]), b.reduce(product, 'argmax', 'value', [0, 1, 2]), b.reduce(product, 'sum', 'value', [1, 2])]));
  });
});

describe('a long sum of few results', () => {
  test.each([[1, 1, 3000], [7, 5, 3001], [33, 17, 4096], [3, 130, 2999], [64, 9, 5000]])('%i x %i over %i', async (m, n, k) => {
    const s = new Sketch();
    const [x, g] = [s.input([k, m]), s.input([k, n])];
    const product = b.dot(b.transpose(x, [1, 0]), g, matrix);
    const of = s.finish([b.mul(product, b.fullLike(product, 0.5)), b.reduce(g, 'sum', 'value', [0])]);
    expect(phases(of)).toBeGreaterThan(1);
    await check(of);
  });

  test('in batches', async () => {
    const s = new Sketch();
    await check(s.finish([b.dot(s.input([2, 5, 3000]), s.input([2, 3000, 7]), { batch: 1, contract: 1 }), b.dot(s.input([5, 60, 51]), s.input([60, 51, 7]), { batch: 0, contract: 2 })]));
  });
});

/** The windows of an image along both axes: [N, OH, OW, KH, KW, C]. */
function windowsOf(x: Node, geometry: Readonly<Record<'k' | 'stride' | 'padding' | 'dilation', number>>): Node {
  const { k, stride, padding, dilation } = geometry;
  const out = (extent: number): number => Math.floor((extent + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
  const [n, h, w, c] = x.shape;
  const wide = b.broadcastTo(b.reshape(x, [n, h, w, 1, 1, c]), [n, h, w, k, k, c]);
  const rows = b.skew(wide, { axis: 1, window: 3, stride, dilation, padding, out: out(h) });
  return b.skew(rows, { axis: 2, window: 4, stride, dilation, padding, out: out(w) });
}

describe('sliding windows', () => {
  const geometries = [{}, { padding: 1 }, { stride: 2, padding: 1 }, { dilation: 2, padding: 2 }, { k: 1 }, { k: 1, stride: 2 }, { k: 5, padding: 2, stride: 3 }, { padding: 1, stride: 2, dilation: 2 }];

  test.each(geometries.map((g) => [JSON.stringify(g), { k: 3, stride: 1, padding: 0, dilation: 1, ...g }] as const))('convolution %s with its gradients', async (_, geometry) => {
    for (const channels of [1, 3, 8]) {
      const s = new Sketch();
      const x = s.input([2, 9, 7, channels]);
      const windows = windowsOf(x, geometry);
      const weights = s.input([geometry.k, geometry.k, channels, 5]);
      const y = b.dot(windows, weights, { batch: 0, contract: 3 });
      const g = s.input(y.shape);
      const [toWindows, toWeights] = y.op.vjp(y, g, b) as [Node, Node];
      const [toX] = windows.op.vjp(windows, toWindows, b) as [Node];
      const inner = windows.inputs[0];
      const [toWide] = inner.op.vjp(inner, toX, b) as [Node];
      await check(s.finish([b.relu(y), toWeights, b.reduce(toWide, 'sum', 'value', [3, 4]), b.reduce(y, 'moments', 'mean', [0, 1, 2]), b.reduce(windows, 'max', 'value', [3, 4])]));
    }
  });

  test('each channel by itself', async () => {
    const s = new Sketch();
    const windows = b.transpose(windowsOf(s.input([2, 9, 7, 6]), { k: 3, stride: 1, padding: 1, dilation: 1 }), [5, 0, 1, 2, 3, 4]);
    const y = b.dot(windows, s.input([6, 3, 3, 2]), { batch: 1, contract: 2 });
    expect(sizeOf(y.shape)).toBe(2 * 9 * 7 * 6 * 2);
    await check(s.finish([b.transpose(y, [1, 2, 3, 0, 4])]));
  });
});

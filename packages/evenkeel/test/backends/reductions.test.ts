import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/base/index.ts';
import type { DType, Shape } from '../../src/base/index.ts';
import { plan } from '../../src/compiler/index.ts';
import { build as b, grad, monoids } from '../../src/graph/index.ts';
import type { Monoid, Node } from '../../src/graph/index.ts';
import { backendCheck, Sketch } from '../support/check-backends.ts';

const check = backendCheck();

const SHAPES: readonly Shape[] = [
  [], [1], [2], [3], [5], [7], [13], [17], [33], [65], [1, 1], [1, 7], [7, 1], [3, 5], [17, 33], [33, 17], [65, 3], [2, 3, 7], [5, 1, 9], [4, 20, 3], [2, 3, 4, 5], [2, 1, 3, 2, 9],
];
const EMPTY: readonly Shape[] = [[0], [3, 0], [0, 4], [2, 0, 3]];

/** All sets of axes of a rank. */
function subsets(rank: number): number[][] {
  return Array.from({ length: 2 ** rank }, (_, bits) => Array.from({ length: rank }, (_, axis) => axis).filter((axis) => (bits >> axis) & 1));
}

const all: readonly Monoid[] = Object.values(monoids);

/** Keeps products near 1. */
function operand(s: Sketch, shape: Shape, monoid: Monoid, dtype: DType): Node {
  return s.input(shape, monoid.name === 'prod' && dtype === 'f32' ? { low: 0.9, high: 1.1 } : { dtype, low: -2, high: 3 });
}

describe.each(all.flatMap((monoid) => monoid.fields.map((field) => [monoid.name, field, monoid] as const)))('%s.%s', (name, field, monoid) => {
  test.each(monoid.types.map((dtype) => [dtype]))('over all sets of axes of %s', async (dtype) => {
    for (const shapes of [SHAPES.slice(0, 17), SHAPES.slice(17), EMPTY]) {
      const s = new Sketch();
      await check(s.finish(shapes.flatMap((shape) => {
        const x = operand(s, shape, monoid, dtype);
        return subsets(shape.length).map((axes) => b.reduce(x, name, field, axes));
      })));
    }
  });

  test('NaN and infinities', async () => {
    if (!monoid.types.includes('f32')) return;
    const s = new Sketch();
    const lists = [[1, NaN, 2], [Infinity, 1, 2], [Infinity], [-Infinity, 1, -2], [-Infinity], [-Infinity, Infinity], [NaN], [NaN, Infinity, -Infinity, 0]];
    const columns = s.input([4, 9], { values: [1, 2, NaN, 0, Infinity] });
    await check(s.finish([...lists.flatMap((values) => [3, 19, 4000].map((size) => b.reduce(s.input([size], { values }), name, field, [0]))), b.reduce(columns, name, field, [0]), b.reduce(columns, name, field, [1])]));
  });

  test('in chunks', async () => {
    const dtype = monoid.types[0];
    const s = new Sketch();
    const x = operand(s, [300_017], monoid, dtype);
    const rows = operand(s, [3, 40_001], monoid, dtype);
    const columns = operand(s, [40_001, 3], monoid, dtype);
    const spread = operand(s, [50, 7, 60], monoid, dtype);
    const images = operand(s, [3, 2, 70, 119], monoid, dtype);
    const channels = operand(s, [8, 3, 70, 4], monoid, dtype);
    const of = s.finish([
      b.reduce(x, name, field, [0]), b.reduce(rows, name, field, [1]), b.reduce(columns, name, field, [0]), b.reduce(spread, name, field, [0, 2]),
      b.reduce(images, name, field, [0, 2, 3]), b.reduce(channels, name, field, [0, 2]),
    ]);
    expect(plan(of.program).kernels.some((k) => k.phases.flat().some((n) => n.kind === 'finish'))).toBe(true);
    await check(of);
  });
});

test('argmax takes the first of equals, however it is cut', async () => {
  const s = new Sketch();
  const values = [0, 1, 3, 3, 2, 3];
  await check(s.finish([[6], [40], [3, 41], [41, 3], [300_000]].flatMap((shape) => [b.reduce(s.input(shape, { values }), 'argmax', 'value', [0]), b.reduce(s.input(shape, { values }), 'argmax', 'value', shape.map((_, axis) => axis))])));
});

test('moments far from zero', async () => {
  const s = new Sketch();
  const x = s.input([512, 33], { low: 9_999, high: 10_001 });
  const [mean, m2] = ['mean', 'm2'].map((field) => b.reduce(x, 'moments', field, [0]));
  await check(s.finish([mean, m2, b.reduce(x, 'moments', 'm2', [1]), b.reduce(x, 'moments', 'm2', [0, 1])]));
});

/** Reductions whose results are used again in the same rows, and sums over the rows beside them. */
describe('rows at hand', () => {
  const shapes: readonly Shape[] = [[7, 33], [40, 5], [3, 4, 65], [16, 1], [1, 16], [130, 130]];

  test('softmax, layer norm and their column sums', async () => {
    for (const shape of shapes) {
      const s = new Sketch();
      const x = s.input(shape, { low: -3, high: 3 });
      const last = [shape.length - 1];
      const rest = shape.map((_, axis) => axis).slice(0, -1);
      const over = (monoid: string, field: string, of = x): Node => b.expand(b.reduce(of, monoid, field, last), shape, last);
      const softmax = b.exp(b.sub(x, over('softmax', 'lse')));
      const variance = b.mul(over('moments', 'm2'), b.fullLike(x, 1 / shape.at(-1)!));
      const normal = b.div(b.sub(x, over('moments', 'mean')), b.sqrt(b.add(variance, b.fullLike(x, 1e-3))));
      const sums = [softmax, normal].flatMap((y) => ['sum', 'max', 'min'].map((monoid) => b.reduce(y, monoid, 'value', rest)));
      await check(s.finish([softmax, normal, ...sums, b.reduce(b.mul(softmax, softmax), 'sum', 'value', last), b.reduce(b.reduce(normal, 'max', 'value', last), 'sum', 'value', rest)]));
    }
  });

  test('columns normalized over rows', async () => {
    for (const shape of shapes) {
      const s = new Sketch();
      const x = s.input(shape);
      const rest = shape.map((_, axis) => axis).slice(0, -1);
      const count = sizeOf(shape) / shape.at(-1)!;
      const mean = b.reduce(x, 'moments', 'mean', rest);
      const variance = b.mul(b.reduce(x, 'moments', 'm2', rest), b.full(1 / count, mean.shape));
      const scale = b.div(b.fullLike(mean, 1), b.sqrt(b.add(variance, b.fullLike(mean, 1e-3))));
      await check(s.finish([b.mul(b.sub(x, b.expand(mean, shape, rest)), b.expand(scale, shape, rest)), mean, variance]));
    }
  });
});

test('values computed again in another kernel equal their maximum to the last digit', async () => {
  for (const [shape, axis] of [[[300, 17], 0], [[7, 33], 1], [[40, 5], 0], [[40, 5], 1]] as const) {
    const s = new Sketch();
    const [x, y, z] = [s.input(shape), s.input(shape), s.input(shape)];
    const scale = b.broadcastTo(s.input([shape[1]]), shape);
    const product = b.mul(b.add(b.mul(x, scale), z), b.mul(scale, b.add(b.mul(y, y), z)));
    const sums = [b.add(product, x), b.add(b.mul(scale, b.sub(product, y)), b.mul(x, y)), b.sub(logSoftmax(b.add(product, z)), z)];
    const most = sums.map((sum) => b.reduce(sum, 'max', 'value', [axis]));
    const total = most.map((m) => b.reduce(m, 'sum', 'value', [0])).reduce(b.add);
    await check(s.finish([...most, ...grad(total, [x, y, z]), b.mul(x, y)]));
  }
});

function logSoftmax(x: Node): Node {
  const over = (field: string): Node => b.expand(b.reduce(x, 'softmax', field, [1]), x.shape, [1]);
  return b.sub(b.sub(x, over('max')), over('logSum'));
}

test('a result that is an index does not address memory in the loop that makes it', async () => {
  const s = new Sketch();
  const x = s.input([9, 33]);
  const table = s.input([33, 4]);
  const best = b.reduce(x, 'argmax', 'value', [1]);
  const column = b.reduce(x, 'argmax', 'value', [0]);
  const scalar = b.cast(b.reduce(x, 'max', 'value', [0, 1]), 'i32');
  await check(s.finish([b.gather(table, best), b.mul(b.cast(best, 'f32'), b.gather(b.reshape(table, [132]), best)), b.gather(table, column), b.gather(table, scalar)]));
});

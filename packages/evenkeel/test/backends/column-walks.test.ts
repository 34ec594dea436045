/** Reductions down many columns: how many vectors of them are walked at once must not show in any result. */
import { describe, expect, test } from 'vitest';
import { plan } from '../../src/compiler/index.ts';
import { build as b, monoids } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';
import { backendCheck, Sketch } from '../support/check-backends.ts';

const check = backendCheck();

/** 1, 2 and 3 tiles of vectors, even and uneven ones, and lanes left over. */
const COLUMNS = [4, 12, 64, 67, 68, 72, 131, 160];

test.each(Object.values(monoids).flatMap((monoid) => monoid.fields.map((field) => [monoid.name, field, monoid.types[0]] as const)))('%s.%s of columns', async (name, field, dtype) => {
  const s = new Sketch();
  await check(s.finish(COLUMNS.flatMap((columns) => [[37, columns], [5, 19, columns]].map((shape) =>
    b.reduce(s.input(shape, name === 'prod' && dtype === 'f32' ? { low: 0.9, high: 1.1 } : { dtype, low: -2, high: 3 }), name, field, [shape.length - 2])))));
});

/** x minus a value of each group of neighbouring columns, which cuts the loop over columns in two. */
function less(s: Sketch, x: Node, groups: number): Node {
  const columns = x.shape.at(-1)!, size = columns / groups;
  const offsets = b.reshape(b.expand(s.input([groups]), [groups, size], [1]), [columns]);
  return b.sub(x, b.expand(offsets, x.shape, x.shape.map((_, axis) => axis).slice(0, -1)));
}

describe('columns in groups', () => {
  test.each([[64, 8], [48, 4], [24, 3], [36, 3], [40, 5], [256, 2]])('%i columns in %i', async (columns, groups) => {
    for (const shape of [[33, columns], [3, 17, columns], [Math.floor(120_000 / columns), columns]]) {
      const s = new Sketch();
      const x = less(s, s.input(shape, { low: -2, high: 3 }), groups);
      const of = s.finish([x, ...['mean', 'm2'].map((part) => b.reduce(x, 'moments', part, [shape.length - 2])), b.reduce(x, 'max', 'value', [shape.length - 2])]);
      const walks = plan(of.program).kernels.flatMap((k) => k.phases.flat()).filter((nest) => nest.kind === 'reduce');
      expect(walks.some((nest) => nest.inner.length > 1)).toBe(true);
      await check(of);
    }
  });
});

test('large expressions', async () => {
  const s = new Sketch();
  const x = s.input([50, 192], { low: 0.5, high: 1.5 });
  let y = x;
  for (let i = 0; i < 60; i++) y = b.add(b.mul(y, b.sin(x)), b.fullLike(x, i / 60));
  await check(s.finish([b.reduce(y, 'sum', 'value', [0]), b.reduce(y, 'max', 'value', [0])]));
});

/** Values over the same elements in a coarser shape share the finer loops of what they are made of. */
import { describe, expect, test } from 'vitest';
import { plan } from '../../src/compiler/index.ts';
import { build as b } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';
import { backendCheck, Sketch } from '../support/check-backends.ts';
import type { Case } from '../support/program-case.ts';

const check = backendCheck();

const kernels = (of: Case): number => plan(of.program).kernels.length;

/** x / its norm over the last axis, in the shape [rows, the rest], times a factor for each of the rest. */
function normalized(s: Sketch, x: Node): Node {
  const last = x.shape.length - 1;
  const power = b.reduce(b.mul(x, x), 'sum', 'value', [last]);
  const y = b.div(x, b.expand(b.sqrt(power), x.shape, [last]));
  const flat = [x.shape[0], x.shape.slice(1).reduce((n, extent) => n * extent, 1)];
  return b.mul(b.reshape(y, flat), b.expand(s.input([flat[1]]), flat, [0]));
}

describe('a walk of rows', () => {
  test.each([[[16, 8, 8]], [[16, 3, 5]], [[4, 2, 9, 12]], [[20, 7, 1, 33]], [[3, 4, 4, 4, 4]]])('%s', async (shape) => {
    const s = new Sketch();
    const of = s.finish([normalized(s, s.input(shape, { low: 0.5, high: 2 }))]);
    expect(kernels(of)).toBe(1);
    await check(of);
  });
});

test('results of both shapes, and what another step keeps', async () => {
  const s = new Sketch();
  const kept = s.ref([24, 40]);
  const fine = b.exp(s.input([24, 5, 8]));
  const coarse = b.mul(b.reshape(fine, [24, 40]), kept);
  const of = s.finish([fine, coarse], [{ ref: kept, value: b.add(kept, coarse) }]);
  expect(kernels(of)).toBe(1);
  await check(of);
});

test('other elements at the same place do not join', async () => {
  const s = new Sketch();
  const fine = b.exp(s.input([24, 5, 8]));
  const shifted = b.reshape(b.transpose(fine, [0, 2, 1]), [24, 40]);
  const of = s.finish([fine, b.mul(shifted, s.input([24, 40]))]);
  expect(kernels(of)).toBeGreaterThan(1);
  await check(of);
});

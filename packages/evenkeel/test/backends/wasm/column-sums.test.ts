/** Sums that a product takes along the way came out wrong: an address written only in a branch was used after it. */
import { afterAll, expect, test } from 'vitest';
import { compile, configure, matmul, shutdown } from '../../../src/index.ts';
import type { Configuration } from '../../../src/index.ts';
import { goldenUniform } from '../../support/golden-data.ts';

afterAll(() => shutdown());

const SHAPES = [[9, 2704, 32], [16, 2704, 8]] as const;

/** a b and the column sums of b, where b is long and so cut along its rows. */
async function productAndSums([m, k, n]: readonly number[], options: Configuration): Promise<number[]> {
  await configure(options);
  using step = compile('sums', ({ a, b }) => ({ product: matmul(a, b.relu()), sums: b.relu().sum([0]) }));
  const inputs = { a: { data: goldenUniform(1, m * k, 1), shape: [m, k] }, b: { data: goldenUniform(2, k * n, 1), shape: [k, n] } };
  const { product, sums } = await step(inputs);
  return [...await product.data(), ...await sums.data()];
}

test.each(SHAPES)('a product [%i, %i] x [.., %i] and its operand\'s sums agree with the oracle, on any number of threads', async (...shape) => {
  const expected = await productAndSums(shape, { backend: 'oracle' });
  const one = await productAndSums(shape, { backend: 'wasm', threads: 1 });
  // 2704 terms below 1 in f32: errors of about 1e-7 * 700.
  expect(Math.max(...one.map((x, i) => Math.abs(x - expected[i])))).toBeLessThan(1e-3);
  expect(await productAndSums(shape, { backend: 'wasm', threads: 2 })).toEqual(one);
});

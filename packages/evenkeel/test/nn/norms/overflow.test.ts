/**
 * Values whose squares are large. Of 6e4, the end of f16, and of 1e18 in samples of some hundred values, everything comes out right.
 * Squares of 1e18 in a batch of thousands have no sum in f32: running statistics then keep their values, with one warning.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compile, configure, grad, nn } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { randomValues } from '../../support/check-op.ts';
import { catalogue } from '../../support/norm-catalogue.ts';
import type { Entry } from '../../support/norm-catalogue.ts';
import { expectOutcome } from '../../support/norm-outcome.ts';
import type { Outcome } from '../../support/norm-outcome.ts';

/** The squares of 196 differences from any one of these values add up to less than f32 can hold; those of 4,096 do not. */
const sampleShape = [6, 7, 7, 4];
const batchShape = [64, 8, 8, 4];
const STEPS = 3;

type Made = nn.Model & Readonly<Record<string, never>>;

function made(name: string, { options = {} }: Entry): Made {
  const make = Reflect.get(nn, name) as (options: object) => Made;
  return make({ ...options });
}

function called(layer: Made, { call, companion, output }: Entry, x: Tensor): Tensor {
  const forward = Reflect.get(layer, 'forward') as (x: Tensor, more: unknown) => unknown;
  const y = forward.call(layer, x, companion ? companion(x) : call?.(x) ?? {});
  return output ? output(y as never) : y as Tensor;
}

/** Everything that some steps of training give and leave. */
async function trained(name: string, entry: Entry, shape: readonly number[], size: number): Promise<Outcome> {
  const layer = made(name, entry);
  const data = Float32Array.from(randomValues(shape.reduce((a, b) => a * b), -1, 1, 3), (value) => value * size);
  const step = compile('large', ({ x }) => {
    const y = called(layer, entry, x);
    const params = layer.params().filter(({ trainable }) => trainable);
    return { y, ...Object.fromEntries(grad(y.mul(1 / size).sum(), [x, ...params]).map((g, i) => [`gradient ${i}`, g])) };
  });
  let got: Readonly<Record<string, number | Tensor>> = {};
  for (let i = 0; i < STEPS; i++) got = await step({ x: { data, shape } });
  step.dispose();
  const values = await Promise.all(Object.entries(got).map(async ([key, value]) => [key, typeof value === 'number' ? [value] : [...await value.data()]] as const));
  const buffers = await Promise.all([...layer.namedBuffers()].map(async ([key, buffer]) => [key, [...await buffer.read()]] as const));
  return Object.fromEntries([...values, ...buffers]);
}

const shapeFor = (name: string, shape: readonly number[]): readonly number[] =>
  (name.endsWith('1d') ? [shape[0], shape[1] * shape[2], shape[3]] : name.endsWith('3d') ? [shape[0], 1, ...shape.slice(1)] : shape);
const finite = (outcome: Outcome): boolean => Object.values(outcome).flat().every(Number.isFinite);
const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);

/** What f64 has no rest of: compared as part of the mean. */
const compared = ({ accumulatedRest: _rest, ...outcome }: Outcome): Outcome => outcome;

async function expectAsInF64(backend: 'wasm' | 'plain', name: string, entry: Entry, size: number): Promise<void> {
  await configure({ backend: 'oracle' });
  const wanted = await trained(name, entry, shapeFor(name, sampleShape), size);
  await configure({ backend });
  const got = await trained(name, entry, shapeFor(name, sampleShape), size);
  expect(finite(got)).toBe(true);
  expectOutcome(got, compared(wanted), 2e-5);
  expect(warn).not.toHaveBeenCalled();
}

afterEach(() => { warn.mockClear(); });

/** Those that normalize a batch by less than all of it, or by none of it. */
const APART = ['frozenBatchNorm', 'ghostBatchNorm', 'virtualBatchNorm'];
const overflowing = Object.entries(catalogue.batch).filter(([name]) => !APART.includes(name));

describe.each(['wasm', 'plain'] as const)('%s', (backend) => {
  it.each(Object.entries({ ...catalogue.batch, ...catalogue.sample }))('%s of values up to 6e4 is as in f64', (name, entry) => expectAsInF64(backend, name, entry, 6e4));

  it.each(Object.entries(catalogue.sample))('%s of values up to 1e18 is as in f64', (name, entry) => expectAsInF64(backend, name, entry, 1e18));

  it.each(overflowing)('%s of a batch up to 1e18 keeps what it remembers, with one warning', async (name, entry) => {
    await configure({ backend });
    const { runningMean, runningVariance, ...outcome } = await trained(name, entry, shapeFor(name, batchShape), 1e18);
    expect([runningMean, runningVariance]).toEqual([[0, 0, 0, 0], [1, 1, 1, 1]]);
    const remembered = Object.entries(outcome).filter(([key]) => key !== 'y' && !key.startsWith('gradient'));
    expect(remembered.filter(([, values]) => !values.every(Number.isFinite))).toEqual([]);
    // An auxiliary layer speaks for itself.
    expect(warn).toHaveBeenCalledTimes(name === 'splitBatchNorm' ? 2 : 1);
  });
});

it('batchNorm of a batch up to 1e18 gives the shift on wasm, and nothing learns', async () => {
  await configure({ backend: 'wasm' });
  const { y, ...rest } = await trained('batchNorm', catalogue.batch.batchNorm, batchShape, 1e18);
  expect(y.every((value) => value === 0)).toBe(true);
  expect([rest['gradient 0'], rest['gradient 1']].flat().every((value) => Math.abs(value) === 0)).toBe(true);
});

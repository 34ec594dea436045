/** The goldens of normalization: types, inputs from recipes, and comparison with digests. The Python twin is tools/goldens/norms_cases.py. */
import { expect } from 'vitest';
import type { Shape } from '../../src/base/index.ts';
import { tensor, type Tensor } from '../../src/index.ts';
import { goldenUniform, readGolden } from './golden-data.ts';

/** offset + uniform + slope * index along axis, rounded to f32; then a whole channel and single values in their place. */
export interface Recipe {
  readonly shape: Shape;
  readonly seed: number;
  readonly bound: number;
  readonly offset?: number;
  readonly slope?: number;
  readonly axis?: number;
  readonly channel?: readonly [index: number, value: number];
  readonly set?: readonly (readonly [at: number, value: string])[];
}

/** All values of a small tensor; of a large one some, the largest magnitude and the dot product with a known stream. */
export interface Digest {
  readonly shape: Shape;
  readonly data: readonly (number | null)[];
  readonly largest?: number;
  readonly dot?: number;
}

export interface NormStep {
  readonly mode?: 'train' | 'eval';
  /** Samples of this step's batch, if not those of the recipe. */
  readonly samples?: number;
  readonly mask?: readonly number[];
  /** Keras's `trainable` of the layer, default true. */
  readonly trainable?: boolean;
  /** PyTorch's `track_running_stats`, set after construction. */
  readonly track?: boolean;
  /** Calls of the layer in this step, default 1. */
  readonly forwards?: number;
  readonly output?: Digest;
  readonly gradients?: Readonly<Record<string, Digest>>;
  readonly second?: Readonly<Record<string, Digest>>;
  readonly running?: Readonly<Record<string, Digest>>;
}

export interface NormGolden {
  readonly row: string;
  readonly name: string;
  readonly op: string;
  readonly options?: NormGoldenOptions;
  readonly x: Recipe;
  readonly state?: Readonly<Record<string, Recipe>>;
  /** All steps get the same input. */
  readonly same?: boolean;
  readonly seed: number;
  readonly steps: readonly NormStep[];
}

/** A framework's own options, of any type (never fits all): each test file says which it knows and what they are. */
export type NormGoldenOptions = Readonly<Record<string, never>>;

export interface NormGoldens {
  readonly cases: readonly NormGolden[];
  readonly states: readonly { readonly row: string; readonly name: string; readonly state: readonly (readonly [string, Shape, unknown])[] }[];
}

const UPSTREAM = 20;
const PROBE = 21;
const DIGEST_SEED = 19999;
const FULL = 48;

/** Reads what tools/goldens/norms_FRAMEWORK.py writes. */
export function goldenNorms<Extra = object>(framework: 'torch' | 'keras' | 'dialects' | 'onnx'): NormGoldens & Extra {
  return readGolden(`norms-${framework}`);
}

export function valuesOf({ shape, seed, bound, offset = 0, slope = 0, axis = -1, channel, set = [] }: Recipe): Float32Array {
  const size = sizeOf(shape);
  const along = shape.at(axis) ?? 1;
  const inner = sizeOf(shape.slice((axis + shape.length) % Math.max(shape.length, 1) + 1));
  const indexOf = (at: number): number => Math.floor(at / inner) % along;
  const values = Float32Array.from(goldenUniform(seed, size, bound), (value, at) => value + offset + slope * indexOf(at));
  if (channel) values.forEach((_, at) => { if (indexOf(at) === channel[0]) values[at] = channel[1]; });
  for (const [at, value] of set) values[at] = Number(value);
  return values;
}

/** The input of a step. */
export function inputOf({ x, seed, same }: NormGolden, step: number, samples: number = x.shape[0]): Tensor {
  const recipe = { ...x, shape: x.shape.length > 0 ? [samples, ...x.shape.slice(1)] : x.shape, seed: same ? seed : seed + step };
  return tensor(valuesOf(recipe), recipe.shape);
}

/** What the output is multiplied by before it is summed and differentiated. */
export function upstreamOf({ seed }: NormGolden, shape: Shape): Tensor {
  return tensor(valuesOf({ shape, seed: seed + UPSTREAM, bound: 1 }), shape);
}

/** What the gradient of x is multiplied by before it is summed and differentiated again. */
export function probeOf({ seed }: NormGolden, shape: Shape): Tensor {
  return tensor(valuesOf({ shape, seed: seed + PROBE, bound: 1 }), shape);
}

/**
 * Every value of the digest within `tolerance` of the largest magnitude (or of 1), and the dot product within that times the root
 * of the size: what rounding adds up to that has no common direction.
 */
export function expectDigest(what: string, shape: Shape, got: ArrayLike<number>, wanted: Digest, tolerance: number): void {
  expect(shape, `shape of ${what}`).toEqual(wanted.shape);
  const size = sizeOf(wanted.shape);
  const largest = Math.max(1, wanted.largest ?? 0, ...wanted.data.map((value) => Math.abs(value ?? 0)));
  const last = wanted.data.length - 1;
  wanted.data.forEach((value, i) => {
    const at = size <= FULL ? i : Math.floor((i * (size - 1)) / last);
    if (value === null) expect(Number.isFinite(got[at]), `${what} at ${at} is ${got[at]}, wanted not finite`).toBe(false);
    else if (!(Math.abs(got[at] - value) <= tolerance * largest)) expect(got[at], `${what} at ${at}, tolerance ${tolerance * largest}`).toBe(value);
  });
  if (wanted.dot === undefined) return;
  const weights = goldenUniform(DIGEST_SEED, size, 1);
  let dot = 0;
  for (let at = 0; at < size; at++) if (Number.isFinite(got[at])) dot += got[at] * weights[at];
  const allowed = tolerance * largest * Math.sqrt(size);
  if (!(Math.abs(dot - wanted.dot) <= allowed)) expect(dot, `digest of ${what}, tolerance ${allowed}`).toBe(wanted.dot);
}

function sizeOf(shape: Shape): number {
  return shape.reduce((size, extent) => size * extent, 1);
}

/** Host arithmetic of the checks, in f64. */
import { RandomStream, sizeOf, stridesOf } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import type { Dense } from '../../graph/index.ts';

/** Deviation of the values: so large that an epsilon of ordinary size does not show. */
export const SPREAD = 20;

/**
 * A batch whose slices along every axis have means and deviations of their own, so that statistics over different axes cannot be
 * taken for one another.
 */
export function variedBatch(shape: Shape, seed: number): Dense {
  const random = new RandomStream(seed, 'checkNormalization');
  const offsets = shape.map((extent) => Array.from({ length: extent }, () => 4 * random.uniform() - 2));
  const scales = shape.map((extent) => Array.from({ length: extent }, () => 0.5 + random.uniform()));
  const strides = stridesOf(shape);
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const index = shape.map((extent, axis) => Math.floor(flat / strides[axis]) % extent);
    const offset = index.reduce((sum, i, axis) => sum + offsets[axis][i], 0);
    return SPREAD * (offset + index.reduce((product, i, axis) => product * scales[axis][i], random.normal()));
  });
  return { shape, data };
}

/** For each element the number of its slice: equal for elements that differ along `axes` alone. */
export function slicesOf(shape: Shape, axes: readonly number[]): { readonly of: Int32Array; readonly count: number } {
  const strides = stridesOf(shape);
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const of = Int32Array.from({ length: sizeOf(shape) }, (_, flat) =>
    kept.reduce((id, axis) => id * shape[axis] + (Math.floor(flat / strides[axis]) % shape[axis]), 0));
  return { of, count: sizeOf(kept.map((axis) => shape[axis])) };
}

/** Mean and population variance of every slice, two passes. */
export function momentsOf(data: Float64Array, slices: { readonly of: Int32Array; readonly count: number }): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const { of, count } = slices;
  const size = data.length / count;
  const mean = new Float64Array(count);
  const variance = new Float64Array(count);
  data.forEach((value, i) => { mean[of[i]] += value / size; });
  data.forEach((value, i) => { variance[of[i]] += (value - mean[of[i]]) ** 2 / size; });
  return { mean, variance };
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Largest |a - b|, as a share of the largest |b| (or of 1e-12); NaN counts as infinite. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 1e-12;
  let error = 0;
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs(b[i]));
    const distance = Math.abs(a[i] - b[i]);
    error = distance <= error ? error : Number.isNaN(distance) ? Infinity : distance;
  }
  return error / largest;
}

/** Every other subset of axes, and the empty one; small ones first. */
export function subsets(axes: readonly number[]): number[][] {
  const all = Array.from({ length: 2 ** axes.length }, (_, bits) => axes.filter((_axis, i) => (bits >> i) % 2 === 1));
  return all.sort((a, b) => a.length - b.length);
}

/** What is left of y after least squares on the regressors one after the other, as a share of the first remainder, and their weights. */
export interface Regression {
  /** After each regressor but the first. */
  readonly remainders: readonly number[];
  readonly weights: readonly number[];
}

/** Least squares by Gram and Schmidt; a regressor that depends on those before it gets weight 0. */
export function regress(y: ArrayLike<number>, regressors: readonly ArrayLike<number>[]): Regression {
  const basis: { readonly vector: Float64Array; readonly square: number }[] = [];
  const steps: number[][] = [];
  const rest = Float64Array.from(y);
  const squares: number[] = [];
  const along: number[] = [];
  for (const regressor of regressors) {
    const vector = Float64Array.from(regressor);
    const before = dot(vector, vector);
    const shares = basis.map((b) => (b.square > 0 ? remove(vector, b) : 0));
    const square = dot(vector, vector);
    const own = { vector, square: square > 1e-18 * before ? square : 0 };
    along.push(own.square > 0 ? remove(rest, own) : 0);
    steps.push(shares);
    basis.push(own);
    squares.push(dot(rest, rest));
  }
  return { remainders: squares.slice(1).map((s) => s / Math.max(squares[0], 1e-24)), weights: backward(along, steps) };
}

/** Takes the part along b from x. @returns how many b that was */
function remove(x: Float64Array, b: { readonly vector: Float64Array; readonly square: number }): number {
  const share = dot(x, b.vector) / b.square;
  b.vector.forEach((value, i) => { x[i] -= share * value; });
  return share;
}

/** Weights of the regressors from those of the orthogonal basis. */
function backward(along: readonly number[], steps: readonly (readonly number[])[]): number[] {
  const weights = [...along];
  for (let k = weights.length - 1; k >= 0; k--) {
    steps[k].forEach((share, j) => { weights[j] -= share * weights[k]; });
  }
  return weights;
}

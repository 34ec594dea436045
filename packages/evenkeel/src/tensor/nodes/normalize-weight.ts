/** Formulas that normalize a weight instead of an activation. A unit is what one output depends on: all axes but `axis`. */
import { resolveAxis } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { stopGradient } from './apply.ts';
import { add, div, maximum, mul, rsqrt, sqrt, sub } from './arithmetic.ts';
import { matmul } from './linear-algebra.ts';
import { faults } from './faults.ts';
import { mean, moments, sum } from './reduce.ts';
import { reshape, transpose } from './shape.ts';

/** The axes of one unit: all but `axis`, or all of them for 'all'. @throws E202 */
export function unitAxes(op: string, w: Node, axis: number | 'all'): number[] {
  const axes = w.shape.map((_, i) => i);
  if (axis === 'all') return axes;
  const unit = resolveAxis(axis, w.shape.length);
  if (unit === undefined) throw faults.axis(op, w.shape, axis);
  return axes.filter((i) => i !== unit);
}

/** direction * length / ||direction||, unit by unit (Salimans & Kingma 2016, eq. 2). `length` has one number for each unit. */
export function weightNormalize(direction: Node, length: Node, axis: number | 'all' = -1, epsilon = 1e-12): Node {
  const axes = unitAxes('weightNormalize', direction, axis);
  const squares = sum(mul(direction, direction), axes, { keepDims: true });
  return mul(direction, mul(reshape(length, squares.shape), rsqrt(add(squares, epsilon))));
}

/** Euclidean length of each unit, [units] (or one number for 'all'). */
export function unitNorms(w: Node, axis: number | 'all' = -1): Node {
  return sqrt(sum(mul(w, w), unitAxes('unitNorms', w, axis)));
}

/** (w - mean) / (deviation + epsilon) unit by unit, with the unbiased deviation (Qiao et al. 2019, sec. 3, and their code). */
export function standardizeWeight(w: Node, axis = -1, epsilon = 1e-5): Node {
  const axes = unitAxes('standardizeWeight', w, axis);
  const { mean: center, variance, count } = moments(w, axes, { keepDims: true });
  // The floor keeps the gradient of a constant unit at 0, where that of the root is infinite.
  return div(sub(w, center), add(sqrt(maximum(mul(variance, count / (count - 1)), 1e-30)), epsilon));
}

/** (w - mean) / sqrt(max(variance * fanIn, floor)) unit by unit, with the population variance (Brock et al. 2021a, eq. 2). */
export function scaledStandardizeWeight(w: Node, axis = -1, floor = 1e-4): Node {
  const axes = unitAxes('scaledStandardizeWeight', w, axis);
  const { mean: center, variance, count } = moments(w, axes, { keepDims: true });
  return mul(sub(w, center), rsqrt(maximum(mul(variance, count), floor)));
}

/** w - mean, unit by unit. */
export function centerWeight(w: Node, axis = -1): Node {
  return sub(w, mean(w, unitAxes('centerWeight', w, axis), { keepDims: true }));
}

export interface Spectral {
  /** Largest singular value, as u' W v. */
  readonly norm: Node;
  readonly u: Node;
  readonly v: Node;
}

/**
 * The spectral norm of w as a matrix of [units, values of a unit], by power iteration from u and v (Miyato et al. 2018, alg. 1).
 * The vectors are constants to the gradient: that of the norm is u v'.
 */
export function spectralNorm(w: Node, start: { readonly u: Node; readonly v: Node }, options: { readonly axis?: number; readonly iterations?: number; readonly epsilon?: number } = {}): Spectral {
  const { axis = -1, iterations = 1, epsilon = 1e-12 } = options;
  const matrix = unitMatrix(w, axis);
  const fixed = stopGradient(matrix);
  let { u, v } = start;
  for (let i = 0; i < iterations; i++) {
    u = unit(matmul(v, fixed), epsilon);
    v = unit(matmul(fixed, u), epsilon);
  }
  [u, v] = [stopGradient(u), stopGradient(v)];
  return { norm: sum(mul(matmul(v, matrix), u)), u, v };
}

/** A weight as the transposed matrix, [values of a unit, units]. */
function unitMatrix(w: Node, axis: number): Node {
  const axes = unitAxes('spectralNorm', w, axis);
  const last = resolveAxis(axis, w.shape.length)!;
  const size = axes.reduce((product, i) => product * w.shape[i], 1);
  return reshape(last === w.shape.length - 1 ? w : transpose(w, [...axes, last]), [size, w.shape[last]]);
}

/** x / max(||x||, epsilon). */
function unit(x: Node, epsilon: number): Node {
  return div(x, maximum(sqrt(sum(mul(x, x))), epsilon));
}

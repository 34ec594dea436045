/** Reductions. */
import { sizeOf } from '../../base/index.ts';
import { ops } from '../../graph/index.ts';
import type { Node } from '../../graph/index.ts';
import { apply, withGradient } from './apply.ts';
import { div, exp, mul, sub } from './arithmetic.ts';
import { faults } from './faults.ts';
import { axesOf, reshape } from './shape.ts';

export type Axes = number | readonly number[];

export interface ReduceOptions {
  /** Keep the reduced axes with extent 1; default false. */
  readonly keepDims?: boolean;
}

export interface Moments {
  readonly mean: Node;
  /** Population variance: divided by `count`. */
  readonly variance: Node;
  /** Sum of squared deviations from the mean. */
  readonly m2: Node;
  /** What the mean leaves out by being an f32; no gradient flows through it. */
  readonly rest: Node;
  /** Values behind each mean. */
  readonly count: number;
}

export const sum = reduction('sum', 'sum', 'value');
export const min = reduction('min', 'min', 'value');
export const max = reduction('max', 'max', 'value');
export const prod = reduction('prod', 'prod', 'value');
/** The row-major position of the first largest value among those reduced, i32. */
export const argmax = reduction('argmax', 'argmax', 'value');
/** log(sum(exp(x))) for any x, infinities as torch.logsumexp has them. */
export const logSumExp = reduction('logSumExp', 'softmax', 'lse');

export function mean(x: Node, axes?: Axes, options?: ReduceOptions): Node {
  requireFloat('mean', x);
  return div(sum(x, axes, options), countOf(x, axesOf('mean', x, axes)));
}

/** Mean squared deviation from the mean. `correction` 1 gives the unbiased estimate; default 0. */
export function variance(x: Node, axes?: Axes, options: ReduceOptions & { readonly correction?: number } = {}): Node {
  requireFloat('variance', x);
  const list = axesOf('variance', x, axes);
  return div(reduce(x, 'moments', 'm2', list, options.keepDims), Math.max(0, countOf(x, list) - (options.correction ?? 0)));
}

/** Mean and variance in one walk over x, safe where the mean is large against the deviation. */
export function moments(x: Node, axes?: Axes, options: ReduceOptions = {}): Moments {
  requireFloat('moments', x);
  const list = axesOf('moments', x, axes);
  const count = countOf(x, list);
  const [mean, m2, rest] = ['mean', 'm2', 'rest'].map((field) => reduce(x, 'moments', field, list, options.keepDims));
  return { mean, variance: div(m2, count), m2, rest, count };
}

export function softmax(x: Node, axis: Axes = -1): Node {
  return exp(logSoftmax(x, axis));
}

/** The gradient is g - softmax * sum(g). */
export function logSoftmax(x: Node, axis: Axes = -1): Node {
  const list = axesOf('logSoftmax', x, axis);
  return withGradient(logProbability(x, list), [x], (g, y) => [sub(g, mul(exp(y), sum(g, list, { keepDims: true })))]);
}

/** (x - max) - log(sum(exp(x - max))): rounds at the size of the differences, not of x. */
export function logProbability(x: Node, axes: readonly number[]): Node {
  return sub(sub(x, reduce(x, 'softmax', 'max', axes, true)), reduce(x, 'softmax', 'logSum', axes, true));
}

/** How many values a reduction over `axes` takes together. */
export function countOf(x: Node, axes: readonly number[]): number {
  return sizeOf(axes.map((axis) => x.shape[axis]));
}

function reduction(op: string, monoid: string, field: string): (x: Node, axes?: Axes, options?: ReduceOptions) => Node {
  return (x, axes, options) => reduce(x, monoid, field, axesOf(op, x, axes), options?.keepDims);
}

function reduce(x: Node, monoid: string, field: string, axes: readonly number[], keepDims = false): Node {
  const out = apply(ops.reduce, [x], { monoid, field, axes });
  return keepDims ? reshape(out, x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))) : out;
}

function requireFloat(op: string, x: Node): void {
  if (x.dtype !== 'f32') throw faults.dtype(op, x, ['f32']);
}

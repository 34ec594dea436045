/** The one formula of normalization, (x - mean) * k + shift with k = scale / sqrt(variance + epsilon), and its gradients. */
import { sameShape } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { withGradient } from './apply.ts';
import { add, mul, rsqrt, sub } from './arithmetic.ts';
import { faults } from './faults.ts';
import { countOf, mean as meanOf, moments, sum } from './reduce.ts';
import type { Axes } from './reduce.ts';
import { axesOf, broadcastTo, reshape, sumTo } from './shape.ts';

export interface Affine {
  /** Default 1. */
  readonly scale?: Node;
  /** Default 0. */
  readonly shift?: Node;
}

export interface Statistics {
  readonly mean: Node;
  readonly variance: Node;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
}

/** Everything broadcasts to x. Gradients flow into the statistics as well. */
export function normalize(x: Node, { mean, variance, epsilon = 1e-5 }: Statistics, { scale, shift }: Affine = {}): Node {
  const rstd = rsqrt(add(variance, epsilon));
  const y = mul(sub(x, mean), scale ? mul(scale, rstd) : rstd);
  return shift ? add(y, shift) : y;
}

export interface Standardized {
  readonly y: Node;
  readonly mean: Node;
  /** Population variance. */
  readonly variance: Node;
}

/**
 * Standardizes x over `axes` with its own moments, then applies an affine part that broadcasts to x in any way (layer, instance
 * and group normalization). The gradient needs x and one mean and variance per group, never the standardized values.
 * Mean and variance keep the reduced axes with extent 1.
 */
export function standardize(x: Node, axes: Axes, { epsilon = 1e-5, scale, shift }: Affine & { readonly epsilon?: number } = {}): Standardized {
  const list = axesOf('standardize', x, axes);
  const { mean, variance } = moments(x, list, { keepDims: true });
  const y = normalize(x, { mean, variance, epsilon }, { scale, shift });
  const affine = [scale, shift].filter((node) => node !== undefined);
  const result = withGradient(y, [x, ...affine], (g, _y, [v, ...rest]) => {
    const k = scale ? rest[0] : undefined;
    const rstd = rsqrt(add(variance, epsilon));
    const centered = sub(v, mean);
    const gk = k ? mul(g, k) : g;
    const along = mul(mul(meanOf(mul(gk, centered), list, { keepDims: true }), rstd), rstd);
    const dx = mul(rstd, sub(sub(gk, meanOf(gk, list, { keepDims: true })), mul(centered, along)));
    const dScale = scale ? [sumTo(mul(g, mul(centered, rstd)), scale.shape)] : [];
    const dShift = shift ? [sumTo(g, shift.shape)] : [];
    return [dx, ...dScale, ...dShift];
  });
  return { y: result, mean, variance };
}

/**
 * Standardizes each channel over `axes` (Ioffe & Szegedy 2015): scale and shift, like the mean and variance that come back, have
 * the shape of x without `axes`. Two sums per channel, of g and of g * (x - mean), are all that the gradient reduces.
 * @throws E224 for a scale or shift of another shape
 */
export function batchNormalize(x: Node, axes: Axes, { epsilon = 1e-5, scale, shift }: Affine & { readonly epsilon?: number } = {}): Standardized {
  const list = axesOf('batchNormalize', x, axes);
  const { mean, variance } = moments(x, list);
  const wide = (v: Node): Node => reshape(v, x.shape.map((extent, axis) => (list.includes(axis) ? 1 : extent)));
  for (const [name, part] of [['scale', scale], ['shift', shift]] as const) {
    if (part && !sameShape(part.shape, mean.shape)) throw faults.statistic('batchNormalize', name, x.shape, part.shape, mean.shape);
  }
  const y = normalize(x, { mean: wide(mean), variance: wide(variance), epsilon }, { scale: scale && wide(scale), shift: shift && wide(shift) });
  const affine = [scale, shift].filter((node) => node !== undefined);
  const count = countOf(x, list);
  const result = withGradient(y, [x, ...affine], (g, _y, [v, ...rest]) => {
    const rstd = rsqrt(add(variance, epsilon));
    const centered = sub(v, wide(mean));
    const sumG = sum(g, list);
    const sumGX = sum(mul(g, centered), list);
    const k = scale ? mul(rest[0], rstd) : rstd;
    const along = mul(mul(sumGX, mul(rstd, rstd)), 1 / count);
    const dx = mul(wide(k), sub(sub(g, wide(mul(sumG, 1 / count))), mul(centered, wide(along))));
    return [dx, ...(scale ? [mul(sumGX, rstd)] : []), ...(shift ? [sumG] : [])];
  });
  return { y: result, mean, variance };
}

/** x / sqrt(mean(x^2) + epsilon) over `axes` (Zhang & Sennrich 2019), times a scale that broadcasts to x. */
export function rmsNormalize(x: Node, axes: Axes, { epsilon = 1e-5, scale }: { readonly epsilon?: number; readonly scale?: Node } = {}): Node {
  const list = axesOf('rmsNormalize', x, axes);
  const power = meanOf(mul(x, x), list, { keepDims: true });
  const y = mul(x, rsqrt(add(power, epsilon)));
  return scale ? mul(y, broadcastTo(scale, x.shape)) : y;
}

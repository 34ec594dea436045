/** The one formula of normalization, (x - mean) * k + shift with k = scale / sqrt(variance + epsilon), and its gradient. */
import { broadcastShapes, sameShape } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { withGradient } from './apply.ts';
import { add, gt, mul, neg, rsqrt, sub, where } from './arithmetic.ts';
import { faults } from './faults.ts';
import { mean as meanOf, moments } from './reduce.ts';
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

/**
 * Everything broadcasts to x, and gradients flow into all of it. The gradient is derived by hand: it needs x and what came with it,
 * never the standardized values, and where scale and shift are constant over what shares one mean (batch normalization), two sums,
 * of g and of g * (x - mean), are all that it reduces. Statistics of x itself pass their gradients on to x: together that is
 * the backward pass of Ioffe & Szegedy 2015, section 3.
 */
export function normalize(x: Node, { mean, variance, epsilon = 1e-5 }: Statistics, { scale, shift }: Affine = {}): Node {
  const rstd = deviationInverse(variance, epsilon);
  const standard = mul(sub(x, mean), scale ? mul(scale, rstd) : rstd);
  const y = shift ? add(standard, shift) : standard;
  const affine = [scale, shift].filter((node) => node !== undefined);
  return withGradient(y, [x, mean, variance, ...affine], (g, _y, [v, m, s, ...rest]) => {
    const k = scale ? rest[0] : undefined;
    const parts = backward(g, v, { mean: m, variance: s, epsilon }, k);
    const dShift = shift ? [sumTo(stretches(shift.shape, parts.sumG.shape) && parts.narrow ? parts.sumG : g, shift.shape)] : [];
    return [parts.dx, parts.dMean, parts.dVariance, ...(parts.dScale ? [parts.dScale] : []), ...dShift];
  });
}

/** 1 / sqrt(variance + epsilon); without an epsilon, 0 where the variance is 0: a constant comes out as the shift, as in PyTorch. */
function deviationInverse(variance: Node, epsilon: number): Node {
  if (epsilon > 0) return rsqrt(add(variance, epsilon));
  const positive = gt(variance, 0);
  return where(positive, rsqrt(where(positive, variance, 1)), 0);
}

interface Backward {
  readonly dx: Node;
  readonly dMean: Node;
  readonly dVariance: Node;
  readonly dScale: Node | undefined;
  /** Of g itself if the scale is constant over what shares a mean, else of g times the scale. */
  readonly sumG: Node;
  readonly narrow: boolean;
}

function backward(g: Node, x: Node, { mean, variance, epsilon = 1e-5 }: Statistics, scale: Node | undefined): Backward {
  const rstd = deviationInverse(variance, epsilon);
  const shape = broadcastShapes(mean.shape, variance.shape)!;
  const narrow = !scale || stretches(scale.shape, shape);
  const centered = sub(x, mean);
  const weighted = scale && !narrow ? mul(g, scale) : g;
  const k = scale && narrow ? mul(scale, rstd) : rstd;
  const sumG = sumTo(weighted, shape);
  const sumGX = sumTo(mul(weighted, centered), shape);
  const dScale = scale && (narrow ? sumTo(mul(sumGX, rstd), scale.shape) : sumTo(mul(g, mul(centered, rstd)), scale.shape));
  return {
    dx: mul(weighted, k), dMean: sumTo(neg(mul(sumG, k)), mean.shape),
    dVariance: sumTo(mul(mul(sumGX, k), mul(mul(rstd, rstd), -0.5)), variance.shape), dScale, sumG, narrow,
  };
}

/** True if a value of shape `from` broadcasts to `to` without making it larger. */
function stretches(from: Shape, to: Shape): boolean {
  const common = broadcastShapes(from, to);
  return common !== undefined && sameShape(common, to);
}

export interface Standardized {
  readonly y: Node;
  readonly mean: Node;
  /** Population variance. */
  readonly variance: Node;
}

/**
 * Standardizes x over `axes` with its own moments, then applies an affine part that broadcasts to x in any way (layer, instance
 * and group normalization). Mean and variance keep the reduced axes with extent 1.
 */
export function standardize(x: Node, axes: Axes, { epsilon, scale, shift }: Affine & { readonly epsilon?: number } = {}): Standardized {
  const { mean, variance } = moments(x, axesOf('standardize', x, axes), { keepDims: true });
  return { y: normalize(x, { mean, variance, epsilon }, { scale, shift }), mean, variance };
}

/**
 * Standardizes each channel over `axes` (Ioffe & Szegedy 2015): scale and shift, like the mean and variance that come back, have
 * the shape of x without `axes`.
 * @throws E224 for a scale or shift of another shape
 */
export function batchNormalize(x: Node, axes: Axes, { epsilon, scale, shift }: Affine & { readonly epsilon?: number } = {}): Standardized {
  const list = axesOf('batchNormalize', x, axes);
  const { mean, variance } = moments(x, list);
  const wide = (v: Node): Node => reshape(v, x.shape.map((extent, axis) => (list.includes(axis) ? 1 : extent)));
  for (const [name, part] of [['scale', scale], ['shift', shift]] as const) {
    if (part && !sameShape(part.shape, mean.shape)) throw faults.statistic('batchNormalize', name, x.shape, part.shape, mean.shape);
  }
  const y = normalize(x, { mean: wide(mean), variance: wide(variance), epsilon }, { scale: scale && wide(scale), shift: shift && wide(shift) });
  return { y, mean, variance };
}

/** x / sqrt(mean(x^2) + epsilon) over `axes` (Zhang & Sennrich 2019), times a scale that broadcasts to x. */
export function rmsNormalize(x: Node, axes: Axes, { epsilon = 1e-5, scale }: { readonly epsilon?: number; readonly scale?: Node } = {}): Node {
  const list = axesOf('rmsNormalize', x, axes);
  const power = meanOf(mul(x, x), list, { keepDims: true });
  const y = mul(x, rsqrt(add(power, epsilon)));
  return scale ? mul(y, broadcastTo(scale, x.shape)) : y;
}

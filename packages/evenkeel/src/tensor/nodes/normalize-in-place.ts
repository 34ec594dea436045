/** Normalization and an invertible activation in one, whose gradient needs the output alone: the input's memory is free at once. */
import { sameShape } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { withGradient } from './apply.ts';
import { abs, add, div, expm1, gt, log1p, minimum, mul, rsqrt, sign, sub, where } from './arithmetic.ts';
import { faults } from './faults.ts';
import type { Statistics } from './normalize.ts';
import { sumTo } from './shape.ts';

/** Activations that can be undone: x itself; x or slope * x; x or exp(x) - 1. */
export type Invertible = 'identity' | 'leakyRelu' | 'elu';

/** Mean and variance were taken over x: the gradient takes them along. */
export interface OwnStatistics {
  /** Values behind each mean. */
  readonly count: Node | number;
  /** f32, 1 where a value counted and 0 elsewhere; default: all counted. */
  readonly mask?: Node;
}

export interface InPlaceOptions {
  /** In the shape of the mean. Its absolute value plus epsilon is the factor, so that it can be divided by; default: a factor of 1. */
  readonly scale?: Node;
  /** In the shape of the mean; default 0. */
  readonly shift?: Node;
  /** Default 'leakyRelu'. */
  readonly activation?: Invertible;
  /** Of leakyRelu below 0, more than 0; default 0.01. */
  readonly slope?: number;
  /** Left out: mean and variance are constants (running statistics). */
  readonly own?: OwnStatistics;
}

/**
 * activation((x - mean) / sqrt(variance + epsilon) * (|scale| + epsilon) + shift) (Rota Bulo et al. 2018, "In-Place Activated
 * BatchNorm for Memory-Optimized Training of DNNs", section 3). The gradient recovers the standardized values from the output y as
 * (activation^-1(y) - shift) / factor, so that nothing in it refers to x. Mean and variance broadcast to x (reduced axes 1).
 * @throws E224 for a scale or shift of another shape than the mean
 */
export function normalizeInPlace(x: Node, { mean, variance, epsilon = 1e-5 }: Statistics, options: InPlaceOptions): Node {
  const { scale, shift, own } = options;
  for (const [name, part] of [['scale', scale], ['shift', shift]] as const) {
    if (part && !sameShape(part.shape, mean.shape)) throw faults.statistic('normalizeInPlace', name, x.shape, part.shape, mean.shape);
  }
  const { forward, inverse, slopeAt } = activationOf(options);
  const rstd = rsqrt(add(variance, epsilon));
  const gainOf = (s: Node | undefined): Node => (s ? mul(add(abs(s), epsilon), rstd) : rstd);
  const standard = mul(sub(x, mean), gainOf(scale));
  const affine = [scale, shift].filter((node) => node !== undefined);
  return withGradient(forward(shift ? add(standard, shift) : standard), [x, ...affine], (g, y, [, ...rest]) => {
    const s = scale ? rest[0] : undefined;
    const before = shift ? sub(inverse(y), rest.at(-1)!) : inverse(y);
    const hat = s ? mul(before, div(1, add(abs(s), epsilon))) : before;
    const inner = mul(g, slopeAt(y));
    const [sumG, sumGX] = [sumTo(inner, mean.shape), sumTo(mul(inner, hat), mean.shape)];
    const around = own ? sub(inner, masked(own.mask, add(div(sumG, own.count), mul(hat, div(sumGX, own.count))))) : inner;
    return [mul(around, gainOf(s)), ...(s ? [mul(sumGX, sign(s))] : []), ...(shift ? [sumG] : [])];
  });
}

function masked(mask: Node | undefined, value: Node): Node {
  return mask ? mul(mask, value) : value;
}

interface Undoable {
  readonly forward: (x: Node) => Node;
  /** The input that gives this output. */
  readonly inverse: (y: Node) => Node;
  /** The derivative, as a function of the output. */
  readonly slopeAt: (y: Node) => Node | number;
}

function activationOf({ activation = 'leakyRelu', slope = 0.01 }: InPlaceOptions): Undoable {
  switch (activation) {
    case 'identity': return { forward: (x) => x, inverse: (y) => y, slopeAt: () => 1 };
    case 'leakyRelu': return {
      forward: (x) => where(gt(x, 0), x, mul(x, slope)), inverse: (y) => where(gt(y, 0), y, mul(y, 1 / slope)), slopeAt: (y) => where(gt(y, 0), 1, slope),
    };
    case 'elu': return {
      forward: (x) => where(gt(x, 0), x, expm1(minimum(x, 0))), inverse: (y) => where(gt(y, 0), y, log1p(minimum(y, 0))), slopeAt: (y) => add(minimum(y, 0), 1),
    };
    default: return activation satisfies never;
  }
}

/** Normalization without a mean: by the norm of a vector, and by the power of neighbouring channels. */
import { sizeOf } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { withGradient } from './apply.ts';
import { abs, add, div, maximum, mul, pow, rsqrt, square, sub } from './arithmetic.ts';
import { faults } from './faults.ts';
import { sum } from './reduce.ts';
import type { Axes } from './reduce.ts';
import { axesOf, axisOf, reshape } from './shape.ts';
import { windows } from './windows.ts';

/** Which norm, and where it stops. */
export interface UnitOptions {
  /** 2 for the Euclidean norm (default), 1 for the sum of magnitudes. */
  readonly order?: 1 | 2;
  /** Norms below it count as it, so that a zero vector stays zero; default 1e-12. */
  readonly epsilon?: number;
}

/** x / max(norm of x over `axes`, epsilon). @throws E202; E222 for an epsilon whose square f32 does not hold */
export function unitNormalize(x: Node, axes: Axes, { order = 2, epsilon = 1e-12 }: UnitOptions = {}): Node {
  const list = axesOf('unitNormalize', x, axes);
  if (!(epsilon >= 1e-18)) throw faults.option('unitNormalize', 'epsilon', 'must be at least 1e-18', epsilon, 'leave it at 1e-12');
  // The limit is put on the square: the gradient of a root at 0 is infinite.
  if (order === 2) return mul(x, rsqrt(maximum(sum(square(x), list, { keepDims: true }), epsilon * epsilon)));
  return div(x, maximum(sum(abs(x), list, { keepDims: true }), epsilon));
}

/** x / (offset + factor * sum of squares in a window)^power, the window reaching over channels. */
export interface ResponseOptions {
  /** The channels; default -1. */
  readonly axis?: number;
  /** Channels before the own one that count. */
  readonly before: number;
  /** Channels after the own one that count. */
  readonly after: number;
  readonly factor: number;
  readonly power: number;
  readonly offset: number;
}

/** Local response normalization (Krizhevsky et al. 2012, section 3.3); channels past the ends count as 0. @throws E202 */
export function localResponseNormalize(x: Node, options: ResponseOptions): Node {
  const { before, after, factor, power, offset } = options;
  const axis = axisOf('localResponseNormalize', x, options.axis ?? -1);
  const baseOf = (v: Node): Node => add(mul(windowSum(square(v), axis, before, after), factor), offset);
  const y = mul(x, pow(baseOf(x), -power));
  // A window that reaches `before` back is seen by that many channels after it: the adjoint swaps the two.
  return withGradient(y, [x], (g, _y, [v]) => {
    const base = baseOf(v);
    const through = windowSum(mul(mul(g, v), pow(base, -power - 1)), axis, after, before);
    return [sub(mul(g, pow(base, -power)), mul(mul(v, through), 2 * factor * power))];
  });
}

/** The sum over channels i - before .. i + after. */
function windowSum(x: Node, axis: number, before: number, after: number): Node {
  const extent = x.shape[axis];
  const flat = reshape(x, [sizeOf(x.shape.slice(0, axis)), extent, sizeOf(x.shape.slice(axis + 1))]);
  const view = windows(flat, [{ size: before + after + 1, stride: 1, dilation: 1, low: before, out: extent }]);
  return reshape(sum(view, 2), x.shape);
}

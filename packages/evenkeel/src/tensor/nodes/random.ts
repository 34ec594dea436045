/** Random draws that are a function of seed, step, call site and element, so that they are equal on every device. */
import type { Shape } from '../../base/index.ts';
import { ops } from '../../graph/index.ts';
import type { Node } from '../../graph/index.ts';
import { currentTrace } from '../../runtime/index.ts';
import { apply, cast, full } from './apply.ts';
import { add, cos, le, log, mul, sqrt, where } from './arithmetic.ts';
import { faults } from './faults.ts';

/** 32 random bits per element, new in every step. */
export function bits(shape: Shape, seed: number): Node {
  const trace = currentTrace();
  return apply(ops.random, [trace.step()], { seed: seed >>> 0, site: trace.site(), shape });
}

/** Draws from (0, 1), new in every step: multiples of 2^-23, shifted by half of one. */
export function uniform(shape: Shape, seed: number): Node {
  const high = apply(ops.shr, [bits(shape, seed), full(9, shape, 'u32')], {});
  return mul(add(cast(high, 'f32'), 0.5), 2 ** -23);
}

/** Draws from the standard normal distribution, new in every step (Box & Muller 1958). */
export function normal(shape: Shape, seed: number): Node {
  const radius = sqrt(mul(-2, log(uniform(shape, seed))));
  return mul(radius, cos(mul(2 * Math.PI, uniform(shape, seed))));
}

/** Zeroes a share `rate` of x at random and scales the rest by 1 / (1 - rate); x itself in eval mode. @throws E222 */
export function dropout(x: Node, rate: number, seed: number): Node {
  if (!(rate >= 0 && rate < 1)) {
    throw faults.option('dropout', 'rate', 'must be in 0 .. 1, the share of values to drop', rate, 'for keeping 90%, give rate 0.1');
  }
  if (rate === 0 || currentTrace().mode === 'eval') return x;
  const threshold = full(Math.round(rate * 2 ** 32), x.shape, 'u32');
  return where(le(threshold, bits(x.shape, seed)), mul(x, 1 / (1 - rate)), 0);
}

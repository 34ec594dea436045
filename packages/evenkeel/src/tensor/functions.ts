/** Tensor functions in free form; each does what the method of the same name does. */
import type { Node } from '../graph/index.ts';
import * as nodes from './nodes/index.ts';
import type { Axes, Moments, ReduceOptions } from './nodes/index.ts';
import { nodeOf, operandOf, Tensor } from './tensor.ts';
import type { Operand } from './tensor.ts';

/** A tensor, or a ref whose current value is meant. */
export type Source = Tensor | { readonly value: Tensor };

const unary = (fn: (x: Node) => Node) => (x: Source): Tensor => new Tensor(fn(nodeOf(x)));
const binary = (fn: (a: nodes.Operand, b: nodes.Operand) => Node) => (a: Operand, b: Operand): Tensor => new Tensor(fn(operandOf(a), operandOf(b)));
const reduction = <O extends ReduceOptions>(fn: (x: Node, axes?: Axes, options?: O) => Node) =>
  (x: Source, axes?: Axes, options?: O): Tensor => new Tensor(fn(nodeOf(x), axes, options));

/** a + b. Operands broadcast as in NumPy, here and below. */
export const add = binary(nodes.add);
/** a - b. */
export const sub = binary(nodes.sub);
/** a * b. */
export const mul = binary(nodes.mul);
/** a / b; integers truncate toward zero. */
export const div = binary(nodes.div);
/** Remainder with the sign of b. */
export const mod = binary(nodes.mod);
/** a to the power of b. */
export const pow = binary(nodes.pow);
/** The smaller of a and b. */
export const minimum = binary(nodes.minimum);
/** The larger of a and b. */
export const maximum = binary(nodes.maximum);
/** a < b. */
export const lt = binary(nodes.lt);
/** a <= b. */
export const le = binary(nodes.le);
/** a > b. */
export const gt = binary(nodes.gt);
/** a >= b. */
export const ge = binary(nodes.ge);
/** a == b. */
export const eq = binary(nodes.eq);
/** a != b. */
export const ne = binary(nodes.ne);
/** Both (bool), or bits in common (integers). */
export const and = binary(nodes.and);
/** Either (bool), or bits of both (integers). */
export const or = binary(nodes.or);

/** -x. */
export const neg = unary(nodes.neg);
/** |x|. */
export const abs = unary(nodes.abs);
/** -1, 0 or 1. */
export const sign = unary(nodes.sign);
/** e to the power of x. */
export const exp = unary(nodes.exp);
/** exp(x) - 1, exact near 0. */
export const expm1 = unary(nodes.expm1);
/** Natural logarithm. */
export const log = unary(nodes.log);
/** log(1 + x), exact near 0. */
export const log1p = unary(nodes.log1p);
/** Square root. */
export const sqrt = unary(nodes.sqrt);
/** 1 / sqrt(x). */
export const rsqrt = unary(nodes.rsqrt);
/** x * x. */
export const square = unary(nodes.square);
/** Sine. */
export const sin = unary(nodes.sin);
/** Cosine. */
export const cos = unary(nodes.cos);
/** Hyperbolic tangent. */
export const tanh = unary(nodes.tanh);
/** 1 / (1 + exp(-x)). */
export const sigmoid = unary(nodes.sigmoid);
/** The error function. */
export const erf = unary(nodes.erf);
/** max(x, 0). */
export const relu = unary(nodes.relu);
/** To the next whole number below. */
export const floor = unary(nodes.floor);
/** To the next whole number above. */
export const ceil = unary(nodes.ceil);
/** To the nearest whole number, halves to even. */
export const round = unary(nodes.round);
/** Negation of a bool. */
export const not = unary(nodes.not);
/** x, through which no gradient flows. */
export const stopGradient = unary(nodes.stopGradient);

/** Sum over `axes` (all if left out), here and below. */
export const sum = reduction(nodes.sum);
/** Mean; f32 only. */
export const mean = reduction(nodes.mean);
/** The largest value. */
export const max = reduction(nodes.max);
/** The smallest value. */
export const min = reduction(nodes.min);
/** Product. */
export const prod = reduction(nodes.prod);
/** Row-major position of the first largest value among those reduced, i32. */
export const argmax = reduction(nodes.argmax);
/** Mean squared deviation; `correction: 1` for the unbiased estimate. */
export const variance = reduction<ReduceOptions & { readonly correction?: number }>(nodes.variance);
/** log(sum(exp(x))), safe for large x; infinities as torch.logsumexp has them. */
export const logSumExp = reduction(nodes.logSumExp);

/** What `moments` finds: mean, population variance, sum of squared deviations (m2), what the mean leaves out by being an f32 (rest), count. */
export interface TensorMoments { readonly mean: Tensor; readonly variance: Tensor; readonly m2: Tensor; readonly rest: Tensor; readonly count: number }

/** Mean, variance, squared deviations (m2) and count in one walk; safe where the mean is large against the deviation. */
export function moments(x: Source, axes?: Axes, options?: ReduceOptions): TensorMoments {
  const { mean, variance, m2, rest, count }: Moments = nodes.moments(nodeOf(x), axes, options);
  return { mean: new Tensor(mean), variance: new Tensor(variance), m2: new Tensor(m2), rest: new Tensor(rest), count };
}

/** condition ? a : b, element by element. */
export function where(condition: Source, a: Operand, b: Operand): Tensor {
  return new Tensor(nodes.where(nodeOf(condition), operandOf(a), operandOf(b)));
}

/** exp(x) / sum(exp(x)) along an axis; default the last. */
export function softmax(x: Source, axis?: Axes): Tensor {
  return new Tensor(nodes.softmax(nodeOf(x), axis));
}

/** log(softmax(x)), stable. */
export function logSoftmax(x: Source, axis?: Axes): Tensor {
  return new Tensor(nodes.logSoftmax(nodeOf(x), axis));
}

/** Matrix product as NumPy's: [..., M, K] x [..., K, N] -> [..., M, N]. @throws E204 */
export function matmul(a: Source, b: Source): Tensor {
  return new Tensor(nodes.matmul(nodeOf(a), nodeOf(b)));
}

/** Entries of x along `axis` by number (i32). @throws E402 for numbers outside */
export function take(x: Source, indices: Source, axis?: number): Tensor {
  return new Tensor(nodes.take(nodeOf(x), nodeOf(indices), axis));
}

/** 1 at the position that the index names, 0 elsewhere: [...I] -> f32 [...I, depth]. */
export function oneHot(indices: Source, depth: number): Tensor {
  return new Tensor(nodes.oneHot(nodeOf(indices), depth));
}

/** Joins tensors along an axis they have; default the first. */
export function concat(tensors: readonly Source[], axis?: number): Tensor {
  return new Tensor(nodes.concat(tensors.map(nodeOf), axis));
}

/** Joins tensors of one shape along a new axis; default the first. */
export function stack(tensors: readonly Source[], axis?: number): Tensor {
  return new Tensor(nodes.stack(tensors.map(nodeOf), axis));
}

/** y, computed from xs, with a gradient of its own: `vjp` gives the cotangents of xs (undefined where none flows). */
export function withGradient(y: Tensor, xs: readonly Tensor[], vjp: (g: Tensor, y: Tensor) => readonly (Tensor | undefined)[]): Tensor {
  return new Tensor(nodes.withGradient(y.node, xs.map((x) => x.node), (g, out) => vjp(new Tensor(g), new Tensor(out)).map((t) => t?.node)));
}

/** Losses: means over all examples, as scalars. */
import { sameShape } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { limitIndices } from '../../runtime/index.ts';
import { cast, withGradient } from './apply.ts';
import { abs, add, exp, le, log1p, maximum, mul, neg, square, sub, together, where } from './arithmetic.ts';
import { faults } from './faults.ts';
import { isIndex } from './linear-algebra.ts';
import { logProbability, mean, sum } from './reduce.ts';

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Share of the label's probability that is spread over all classes (Szegedy et al. 2016); default 0. */
  readonly smoothing?: number;
}

/**
 * Mean of -log softmax(logits)[label] over all rows. Labels are class numbers (i32, the shape of logits without its last axis) or
 * probabilities (f32, the shape of logits). The gradient is (softmax - target) / rows.
 * @throws E223 for labels that do not fit; E402 for class numbers outside 0 .. C-1
 */
export function crossEntropy(logits: Node, labels: Node, { smoothing = 0 }: CrossEntropyOptions = {}): Node {
  if (!(smoothing >= 0 && smoothing < 1)) throw faults.option('crossEntropy', 'smoothing', 'must be in 0 .. 1', smoothing, 'give a share such as 0.1');
  if (logits.dtype !== 'f32' || logits.shape.length === 0) throw faults.labels('crossEntropy', logits, labels);
  const classes = logits.shape.at(-1)!;
  const soft = labels.dtype === 'f32' && sameShape(labels.shape, logits.shape);
  if (!soft && !(labels.dtype === 'i32' && sameShape(labels.shape, logits.shape.slice(0, -1)))) throw faults.labels('crossEntropy', logits, labels);
  if (!soft) limitIndices('crossEntropy', labels, classes);
  const smoothed = (target: Node): Node => (smoothing === 0 ? target : add(mul(target, 1 - smoothing), smoothing / classes));
  const target = soft || smoothing > 0 ? smoothed(soft ? labels : cast(isIndex(labels, classes), 'f32')) : undefined;
  const rows = logits.shape.slice(0, -1).reduce((n, extent) => n * extent, 1);
  const axis = [logits.shape.length - 1];
  const cost = neg(logProbability(logits, axis));
  const hits = target ? mul(target, cost) : where(isIndex(labels, classes), cost, 0);
  // Row by row first: each row's share is at hand while its softmax is.
  const loss = mul(sum(sum(hits, axis)), 1 / rows);
  const operands = soft ? [logits, labels] : [logits];
  return withGradient(loss, operands, (g, _y, [z]) => {
    const share = mul(g, 1 / rows);
    const probability = exp(logProbability(z, axis));
    const wanted = target ?? cast(isIndex(labels, classes), 'f32');
    const dz = mul(share, sub(soft ? mul(sum(wanted, -1, { keepDims: true }), probability) : probability, wanted));
    return soft ? [dz, mul(share, mul(1 - smoothing, neg(logProbability(z, axis))))] : [dz];
  });
}

/** Mean of (a - b)^2 over all elements. */
export function mse(a: Node, b: Node): Node {
  return mean(square(difference('mse', a, b)));
}

/** Mean of |a - b| over all elements. */
export function mae(a: Node, b: Node): Node {
  return mean(abs(difference('mae', a, b)));
}

/** Mean of 0.5 d^2 where |d| <= delta, else delta (|d| - delta / 2), for d = a - b (Huber 1964). */
export function huber(a: Node, b: Node, delta = 1): Node {
  const d = difference('huber', a, b);
  const size = abs(d);
  return mean(where(le(size, delta), mul(0.5, square(d)), mul(delta, sub(size, delta / 2))));
}

/** Mean of -log of the probability that sigmoid(logits) gives to targets in 0 .. 1; stable for any logits. */
export function binaryCrossEntropy(logits: Node, targets: Node): Node {
  const [z, t] = together('binaryCrossEntropy', logits, targets);
  return mean(add(sub(maximum(z, 0), mul(z, t)), log1p(exp(neg(abs(z))))));
}

/** Losses compare like with like: broadcasting here is nearly always a mistake. */
function difference(op: string, a: Node, b: Node): Node {
  if (!sameShape(a.shape, b.shape)) throw faults.broadcast(op, a.shape, b.shape);
  return sub(a, b);
}

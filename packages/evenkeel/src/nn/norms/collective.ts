/** What workers that train one model together do with each other. */
import type { Tensor } from '../../tensor/index.ts';
import { concat, full, Statistics } from '../../tensor/index.ts';

/**
 * Sums over workers, as a function inside the traced step. It is linear and its own adjoint: its gradient is the same sum of the
 * workers' gradients, so implementations by messages wrap it in `withGradient` with themselves as the gradient.
 */
export interface Collective {
  /** Leading axes of every input that count workers of this process: 1 for shardAxis, 0 where each process has its own shard. */
  readonly shardAxes: number;
  /** The sum over all workers, in a shape that broadcasts to the values'. Every worker calls it, in the same order, with values of any shard. */
  allReduceSum(values: Tensor): Tensor;
}

/**
 * Workers that are the first axis of every tensor: [workers, samples, ..., channels] holds one shard in each row. Shards of unequal
 * size are padded and masked. Within one step this is all that data-parallel shards and micro-batches of one large batch need.
 */
export function shardAxis(): Collective {
  return { shardAxes: 1, allReduceSum: (values) => values.sum(0, { keepDims: true }) };
}

/**
 * Statistics of all workers' values from each one's own, weighted by count, so that unequal and empty shards are right (Chan, Golub
 * & LeVeque 1983). Two sums over all workers: of count and count * mean, which give a mean to a few digits, and about that mean of
 * the first and second moments, which lose nothing where the mean is large.
 * @param local with mean [...workers, channels]
 * @returns mean [channels], or [1, channels] over shardAxis
 */
export function allReduceStatistics(local: Statistics, collective: Collective): Statistics {
  const { shape } = local.mean;
  const axis = shape.length - 1;
  const each = typeof local.count === 'number' ? full(shape, local.count) : local.count.broadcastTo(shape);
  const sums = collective.allReduceSum(concat([channels(each, 0, 1), each.mul(local.mean)], axis));
  const count = channels(sums, 0, 1);
  // Whichever it is, the result is the same: no gradient belongs to it.
  const about = channels(sums, 1, shape[axis] + 1).div(count.maximum(1)).stopGradient();
  const apart = local.rest ? local.mean.sub(about).add(local.rest) : local.mean.sub(about);
  const moments = collective.allReduceSum(concat([each.mul(apart), local.m2.add(each.mul(apart.square()))], axis));
  const shift = channels(moments, 0, shape[axis]).div(count.maximum(1));
  const mean = about.add(shift);
  const m2 = channels(moments, shape[axis], 2 * shape[axis]).sub(count.mul(shift.square())).maximum(0);
  return new Statistics(count, mean, m2, shift.sub(mean.sub(about)).stopGradient());
}

function channels(t: Tensor, from: number, to: number): Tensor {
  const axis = t.rank - 1;
  return t.slice(t.shape.map((_, i) => (i === axis ? from : 0)), t.shape.with(axis, to));
}

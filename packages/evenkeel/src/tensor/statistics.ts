/** Statistics of sets of values as mergeable objects: what batch normalization of every kind is made of. */
import { InternalError, resolveAxis } from '../base/index.ts';
import { ChannelStatistics } from './channel-statistics.ts';
import { add, eq, maximum, moments, sum, where } from './functions.ts';
import type { Axes } from './nodes/index.ts';
import type { Tensor } from './tensor.ts';

/** How many values are behind statistics: a number where it is known before the step runs, else a tensor (with a mask). */
export type Count = number | Tensor;

/**
 * Count, mean and sum of squared deviations (m2) of sets of values, in the shape of the tensor they came from with the reduced
 * axes kept as 1, so that they broadcast to it. Two of them merge into those of all values together (Chan, Golub & LeVeque 1983,
 * eq. 2.1), so one formula serves shards, micro-batches, ghost batches and layers that are used twice. Gradients flow through.
 * `normalize(x, statistics)` takes one as it is.
 */
export class Statistics {
  readonly count: Count;
  readonly mean: Tensor;
  readonly m2: Tensor;
  /** What the means leave out by being f32, if that is known: merging heeds it, so that deviations far below the means keep their digits. */
  readonly rest: Tensor | undefined;

  /**
   * @param count of values behind every mean; a tensor of whole numbers that broadcasts to the mean, or one number for all
   * @param rest  what `moments` calls so; no gradient may flow through it
   */
  constructor(count: Count, mean: Tensor, m2: Tensor, rest?: Tensor) {
    this.count = count;
    this.mean = mean;
    this.m2 = m2;
    this.rest = rest;
  }

  /**
   * Statistics of x over `axes` (all if left out), in one walk; safe where the mean is large against the deviation.
   * @param mask bool or numbers, broadcastable to x: only values where it is not 0 count; others may be anything, NaN too
   */
  static of(x: Tensor, axes?: Axes, options: { readonly mask?: Tensor } = {}): Statistics {
    if (options.mask) return masked(x, axes, options.mask);
    const { count, mean, m2, rest } = moments(x, axes, { keepDims: true });
    return count > 0 ? new Statistics(count, mean, m2, rest) : new Statistics(0, nothing(mean), nothing(mean));
  }

  /** Of a mean and a population variance that are known, for example running ones. */
  static from(count: Count, mean: Tensor, variance: Tensor): Statistics {
    return new Statistics(count, mean, variance.mul(count));
  }

  /** Those of all values together; at least one. Empty ones change nothing; the result does not depend on their order but by rounding. */
  static merge(parts: readonly Statistics[]): Statistics {
    const some = parts.filter((part) => part.count !== 0);
    if (some.length === 0) return parts[0];
    // The one with most values, as far as is known: the mean of all is not far from its.
    const first = some.reduce((a, b) => (typeof a.count === 'number' && typeof b.count === 'number' && b.count > a.count ? b : a));
    const others = some.filter((part) => part !== first);
    if (others.length === 0) return first;
    const count = [first, ...others].map((part) => part.count).reduce(plus);
    // Differences from one of the means keep their digits where the means are large against them.
    const apart = others.map((part) => part.from(first.mean, first.rest));
    const middle = total(apart.map((d, i) => d.mul(others[i].count))).div(atLeastOne(count));
    const between = [middle.square().mul(first.count), ...apart.map((d, i) => d.sub(middle).square().mul(others[i].count))];
    return around(first.mean, first.rest ? middle.add(first.rest) : middle, count, total([first.m2, ...others.map((part) => part.m2), ...between]));
  }

  /** Population variance, m2 / count; 0 for no values. */
  get variance(): Tensor {
    return this.m2.div(atLeastOne(this.count));
  }

  /** m2 / (count - 1), Bessel's estimate; 0 for a single value. */
  get unbiasedVariance(): Tensor {
    return this.m2.div(atLeastOne(typeof this.count === 'number' ? this.count - 1 : this.count.sub(1)));
  }

  /** Those of the values behind both; shapes broadcast. */
  merge(other: Statistics): Statistics {
    return Statistics.merge([this, other]);
  }

  /** Merges along axes of the statistics themselves (of groups, shards or samples), which become 1. */
  pool(axes: Axes): Statistics {
    const kept = { keepDims: true };
    const list = [axes].flat().map((axis) => resolveAxis(axis, this.mean.rank));
    // Whichever it is, the result is the same: no gradient belongs to it.
    const first = this.mean.slice([], this.mean.shape.map((extent, i) => (list.includes(i) ? Math.min(1, extent) : extent))).stopGradient();
    const apart = this.from(first);
    if (typeof this.count === 'number') {
      const middle = apart.mean(axes, kept);
      const count = (this.count * this.mean.size) / Math.max(1, middle.size);
      return around(first, middle, count, this.m2.add(apart.sub(middle).square().mul(this.count)).sum(axes, kept));
    }
    const each = this.count.broadcastTo(this.mean.shape);
    const count = sum(each, axes, kept);
    const middle = each.mul(apart).sum(axes, kept).div(atLeastOne(count));
    return around(first, middle, count, this.m2.add(each.mul(apart.sub(middle).square())).sum(axes, kept));
  }

  /** Mean and m2 in another shape of as many elements; one count for all is kept. */
  reshape(shape: readonly number[]): Statistics {
    const count = typeof this.count === 'number' || this.count.size === 1 ? this.count : this.count.broadcastTo(this.mean.shape).reshape(shape);
    const scalar = typeof count === 'number' || count.size > 1 ? count : count.reshape([]);
    return new Statistics(scalar, this.mean.reshape(shape), this.m2.reshape(shape), this.rest?.reshape(shape));
  }

  /** The same values, through which no gradient flows. */
  stopGradient(): Statistics {
    const count = typeof this.count === 'number' ? this.count : this.count.stopGradient();
    return new Statistics(count, this.mean.stopGradient(), this.m2.stopGradient(), this.rest);
  }

  /** How far the means are from others, to more digits than either has. */
  private from(mean: Tensor, rest?: Tensor): Tensor {
    const apart = this.mean.sub(mean);
    const finer = this.rest ? apart.add(this.rest) : apart;
    return rest ? finer.sub(rest) : finer;
  }

  /** The values on the host, in f64; the mean's elements are the channels. For statistics with one count for all channels. */
  async read(): Promise<ChannelStatistics> {
    const { count, mean, m2, rest } = this;
    if (typeof count !== 'number' && count.size !== 1) throw new InternalError('statistics with a count for each channel were read');
    const known = typeof count === 'number' ? count : await count.reshape([]).item();
    const left = await rest?.data();
    return new ChannelStatistics(known, Float64Array.from(await mean.data(), (value, c) => value + (left?.[c] ?? 0)), Float64Array.from(await m2.data()));
  }
}

/**
 * Two walks: the first finds the mean, the second the deviations from it, whose sum corrects both (the corrected two-pass algorithm
 * of Chan, Golub & LeVeque 1983): far from zero the mean of the first walk is off by more than rounding of its own.
 */
function masked(x: Tensor, axes: Axes | undefined, mask: Tensor): Statistics {
  const kept = { keepDims: true };
  const counts = mask.dtype === 'bool' ? mask : mask.ne(0);
  const count = countOf(x, axes, counts);
  const divisor = maximum(count, 1);
  const wide = counts.broadcastTo(x.shape);
  const mean = where(wide, x, 0).sum(axes, kept).div(divisor);
  const deviation = where(wide, x.sub(mean), 0);
  const rest = deviation.sum(axes, kept);
  const m2 = deviation.square().sum(axes, kept).sub(rest.square().div(divisor));
  return around(mean, rest.div(divisor), count, maximum(m2, 0));
}

/** Statistics whose mean is `near` + `off`, the second small against the first: what the sum leaves out is kept. */
function around(near: Tensor, off: Tensor, count: Count, m2: Tensor): Statistics {
  const mean = near.add(off);
  return new Statistics(count, mean, m2, near.sub(mean).add(off).stopGradient());
}

function total(parts: readonly Tensor[]): Tensor {
  return parts.reduce((a, b) => a.add(b));
}

/** How many positions the mask leaves, one number for all channels if it treats them alike. */
function countOf(x: Tensor, axes: Axes | undefined, mask: Tensor): Tensor {
  const reduced = axes === undefined ? x.shape.map((_, i) => i) : [axes].flat().map((axis) => resolveAxis(axis, x.rank));
  const own = [...new Array<number>(x.rank - mask.rank).fill(1), ...mask.shape];
  const shape = x.shape.map((extent, i) => (reduced.includes(i) ? extent : own[i]));
  return where(mask.broadcastTo(shape), 1, 0).cast('f32').sum(axes, { keepDims: true });
}

function plus(a: Count, b: Count): Count {
  return typeof a === 'number' && typeof b === 'number' ? a + b : add(a, b);
}

function atLeastOne<C extends Count>(count: C): C {
  return (typeof count === 'number' ? Math.max(count, 1) : maximum(count, 1)) as C;
}

function nothing(like: Tensor): Tensor {
  return where(eq(like, like), 0, 0).cast('f32');
}

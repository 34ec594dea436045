/** Statistics on the host: what recalibration, federations and files merge. */
import { InternalError } from '../base/index.ts';
import type { Shape } from '../base/index.ts';

/**
 * Count, mean and sum of squared deviations (m2) of every channel, in f64 and immutable. Merging is exact up to rounding in any
 * order and for any division into shards (Chan, Golub & LeVeque 1983, eq. 2.1); shards without values change nothing.
 */
export class ChannelStatistics {
  /** Values behind the statistics of every channel. */
  readonly count: number;
  readonly mean: Float64Array;
  readonly m2: Float64Array;
  /** What the means leave out by being f64: merging heeds it, so that deviations far below the means keep their digits. */
  private readonly rest: Float64Array;

  constructor(count: number, mean: Float64Array, m2: Float64Array, rest = new Float64Array(mean.length)) {
    if (mean.length !== m2.length) throw new InternalError(`${mean.length} means and ${m2.length} sums of squares`);
    this.count = count;
    this.mean = mean;
    this.m2 = m2;
    this.rest = rest;
  }

  /** Of no values. */
  static empty(channels: number): ChannelStatistics {
    return new ChannelStatistics(0, new Float64Array(channels), new Float64Array(channels));
  }

  /** Of row-major data, the channels on `axis` (default the last), in two passes, of which the second corrects the first (ibid., the corrected two-pass algorithm). */
  static of(data: ArrayLike<number>, shape: Shape, axis: number = shape.length - 1): ChannelStatistics {
    const channels = shape[axis];
    const inner = shape.slice(axis + 1).reduce((n, extent) => n * extent, 1);
    const count = data.length / Math.max(channels, 1);
    const mean = new Float64Array(channels);
    const off = new Float64Array(channels);
    const m2 = new Float64Array(channels);
    const channelOf = (at: number): number => Math.floor(at / inner) % channels;
    for (let at = 0; at < data.length; at++) mean[channelOf(at)] += data[at] / count;
    for (let at = 0; at < data.length; at++) {
      const deviation = data[at] - mean[channelOf(at)];
      off[channelOf(at)] += deviation / count;
      m2[channelOf(at)] += deviation ** 2;
    }
    return around(count, mean, off, m2.map((squares, c) => Math.max(0, squares - off[c] ** 2 * count)));
  }

  /** Those of all values together; at least one. */
  static merge(parts: readonly ChannelStatistics[]): ChannelStatistics {
    return parts.reduce((a, b) => a.merge(b));
  }

  get channels(): number {
    return this.mean.length;
  }

  /** m2 / (count - correction): 0 for the population variance, 1 for the unbiased one. 0 where that divides by nothing. */
  variance(correction = 0): Float64Array {
    const divisor = this.count - correction;
    return this.m2.map((m2) => (divisor > 0 ? m2 / divisor : 0));
  }

  /** Those of the values behind both. */
  merge(other: ChannelStatistics): ChannelStatistics {
    if (other.channels !== this.channels) throw new InternalError(`statistics of ${this.channels} and ${other.channels} channels were merged`);
    if (this.count === 0) return other;
    if (other.count === 0) return this;
    const count = this.count + other.count;
    const share = other.count / count;
    const apart = this.mean.map((own, c) => other.mean[c] - own + (other.rest[c] - this.rest[c]));
    const m2 = this.m2.map((own, c) => own + other.m2[c] + apart[c] ** 2 * this.count * share);
    return around(count, this.mean, apart.map((d, c) => d * share + this.rest[c]), m2);
  }
}

/** Statistics whose means are `near` + `off`, the second small against the first: what the sums leave out is kept. */
function around(count: number, near: Float64Array, off: Float64Array, m2: Float64Array): ChannelStatistics {
  const mean = near.map((value, c) => value + off[c]);
  return new ChannelStatistics(count, mean, m2, mean.map((value, c) => near[c] - value + off[c]));
}

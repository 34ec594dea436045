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

  constructor(count: number, mean: Float64Array, m2: Float64Array) {
    if (mean.length !== m2.length) throw new InternalError(`${mean.length} means and ${m2.length} sums of squares`);
    this.count = count;
    this.mean = mean;
    this.m2 = m2;
  }

  /** Of no values. */
  static empty(channels: number): ChannelStatistics {
    return new ChannelStatistics(0, new Float64Array(channels), new Float64Array(channels));
  }

  /** Of row-major data, the channels on `axis` (default the last), in two passes. */
  static of(data: ArrayLike<number>, shape: Shape, axis: number = shape.length - 1): ChannelStatistics {
    const channels = shape[axis];
    const inner = shape.slice(axis + 1).reduce((n, extent) => n * extent, 1);
    const count = data.length / Math.max(channels, 1);
    const mean = new Float64Array(channels);
    const m2 = new Float64Array(channels);
    const channelOf = (at: number): number => Math.floor(at / inner) % channels;
    for (let at = 0; at < data.length; at++) mean[channelOf(at)] += data[at] / count;
    for (let at = 0; at < data.length; at++) m2[channelOf(at)] += (data[at] - mean[channelOf(at)]) ** 2;
    return new ChannelStatistics(count, mean, m2);
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
    const mean = this.mean.map((own, c) => own + (other.mean[c] - own) * share);
    const m2 = this.m2.map((own, c) => own + other.m2[c] + (other.mean[c] - this.mean[c]) ** 2 * this.count * share);
    return new ChannelStatistics(count, mean, m2);
  }
}

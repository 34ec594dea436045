/** Batch normalization by parts of the batch: ghost, or virtual, batches. */
import { normalize, Statistics, tensor } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { count } from './count.ts';
import { batchFaults } from './batch-faults.ts';
import { faults } from './faults.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';

/** Which samples share a ghost batch: neighbours, or, as in tf.keras 2, every G-th of G groups. */
export type GhostOrder = 'contiguous' | 'interleaved';

/**
 * What moves the running statistics: those of the whole batch ('merged'), the mean of the groups' means and variances ('mean',
 * tf.keras 2), or one group after the other ('sequential', Hoffer et al. 2017, alg. 1).
 */
export type GhostRunning = 'merged' | 'mean' | 'sequential';

/** How a batch falls into ghost batches. */
export interface GhostBatchNormOptions extends NormalizationOptions {
  /** Samples in a ghost batch; must divide the batch. */
  readonly virtualBatchSize: number;
  /** Default 'contiguous'. */
  readonly order?: GhostOrder;
  /** Default 'merged', the best estimate of the statistics that evaluation sees. */
  readonly running?: GhostRunning;
}

/**
 * Normalizes each ghost batch of `virtualBatchSize` samples by its own statistics; scale, shift and running statistics are shared
 * (Hoffer et al. 2017, arXiv 1705.08741). For large batches, to keep the noise of small ones; parts below about 16 samples pay with
 * a gap between training and evaluation. One group is plain batch normalization.
 */
export class GhostBatchNorm extends Normalization {
  private readonly size: number;
  private readonly order: GhostOrder;
  private readonly averaged: GhostRunning;

  constructor(options: GhostBatchNormOptions) {
    super('ghostBatchNorm', options);
    const { virtualBatchSize, order = 'contiguous', running = 'merged' } = options;
    this.size = count(this.op, 'virtualBatchSize', virtualBatchSize);
    if (order !== 'contiguous' && order !== 'interleaved') throw faults.name(this.op, 'order', order, ['contiguous', 'interleaved']);
    if (!['merged', 'mean', 'sequential'].includes(running)) throw faults.name(this.op, 'running', running, ['merged', 'mean', 'sequential']);
    this.order = order;
    this.averaged = running;
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const { groups, axis } = this.grouping(x);
    const rows = axis === 0 ? [groups, this.size] : [this.size, groups];
    const split = (t: Tensor): Tensor => t.reshape([...(t.shape[0] === 1 ? [1, 1] : rows), ...t.shape.slice(1)]);
    const wide = (t: Tensor | undefined): Tensor | undefined => (t?.rank === x.rank ? split(t) : t);
    const parts = split(x);
    const axes = parts.shape.map((_, i) => i).filter((i) => i !== axis && i !== site.axis + 1);
    const statistics = Statistics.of(parts, axes, { mask: wide(site.mask) });
    const y = normalize(parts, statistics, { scale: wide(site.scale), shift: wide(site.shift), epsilon: this.settings.epsilon });
    return { y: y.reshape(x.shape), statistics: this.averaged === 'merged' ? statistics.pool(axis) : this.average(statistics, axis) };
  }

  protected override gather(x: Tensor, site: Site): Statistics {
    return this.averaged !== 'merged' && this.moves() ? this.byBatch(x, site).statistics : super.gather(x, site);
  }

  protected override check(x: Tensor, site: Site): void {
    super.check(x, site);
    const { groups } = this.grouping(x);
    if (x.size === site.channels * groups) throw batchFaults.oneValue(this.op, x.shape, 'a ghost batch', 'use a larger virtualBatchSize');
  }

  protected override follow(statistics: Statistics, x: Tensor, key: string): void {
    if (this.averaged !== 'sequential' || !this.hasBatch(x)) return super.follow(statistics, x, key);
    const decay = this.settings.decay ** this.grouping(x).groups;
    this.running(key).update(statistics, x.node, { ...this.updateOptions(), decay });
  }

  /** The mean of the groups' statistics; if they follow each other, weighted so that one update by decay^groups does what all would. */
  private average({ count: each, mean, m2 }: Statistics, axis: number): Statistics {
    const groups = mean.shape[axis];
    const { decay } = this.settings;
    const weights = Array.from({ length: groups }, (_, g) => (this.averaged === 'mean' || decay === 1 ? 1 : decay ** (groups - 1 - g)));
    const sum = weights.reduce((a, b) => a + b);
    const factors = tensor(weights.map((weight) => weight / sum), mean.shape.map((_, i) => (i === axis ? groups : 1)));
    const weighted = (t: Tensor): Tensor => t.mul(factors).sum(axis, { keepDims: true });
    return new Statistics(typeof each === 'number' ? each : each.mean(axis, { keepDims: true }), weighted(mean), weighted(m2));
  }

  private grouping(x: Tensor): { readonly groups: number; readonly axis: number } {
    const groups = x.shape[0] / this.size;
    if (!Number.isInteger(groups) || groups < 1) throw batchFaults.parts(this.op, 'samples', 'virtualBatchSize', x.shape[0], this.size);
    return { groups, axis: this.order === 'contiguous' ? 0 : 1 };
  }
}

/**
 * A batch normalization layer by ghost batches.
 * @throws E316 if virtualBatchSize does not divide the batch; E319 for ghost batches of one value per channel; and what batchNorm throws
 */
export function ghostBatchNorm(options: GhostBatchNormOptions): GhostBatchNorm {
  return new GhostBatchNorm(options);
}

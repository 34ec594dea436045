/** Virtual batch normalization: by a reference batch that stays the same. */
import { concat, Statistics } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { count } from './count.ts';
import { batchFaults } from './batch-faults.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { rows, rowsLike } from './rows.ts';

/** How large the reference batch is. */
export interface VirtualBatchNormOptions extends NormalizationOptions {
  /** Samples of the reference batch, which come first in every training batch. */
  readonly reference: number;
}

/**
 * Normalizes each sample by the statistics of a fixed reference batch and its own, merged: of R reference samples it weighs
 * 1 / (R + 1); the reference itself is normalized by its own statistics (Salimans et al. 2016, arXiv 1606.03498, section 3.5). The
 * samples of a batch then do not see each other. The reference, drawn once, runs through the model in front of each batch:
 * `rest = model.forward(concat([reference, x])).slice([R, 0])`, which about doubles the work. The running statistics are the
 * reference's, so evaluation needs none; { evaluation: 'batch' } is the paper's, with the reference in front. For the generators of
 * adversarial pairs; spectral norm and conditional batch normalization have mostly taken its place.
 */
export class VirtualBatchNorm extends Normalization {
  private readonly reference: number;

  constructor(options: VirtualBatchNormOptions) {
    super('virtualBatchNorm', options);
    this.reference = count(this.op, 'reference', options.reference);
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const [samples, reference] = [x.shape[0], this.reference];
    const partOf = (from: number, to: number): Site => {
      const like = (t: Tensor | undefined): Tensor | undefined => rowsLike(t, x, from, to);
      return { ...site, mask: like(site.mask), scale: like(site.scale), shift: like(site.shift) };
    };
    const [first, others] = [partOf(0, reference), partOf(reference, samples)];
    const fixed = rows(x, 0, reference);
    const rest = rows(x, reference, samples);
    const statistics = Statistics.of(fixed, site.axes, { mask: first.mask });
    const own = Statistics.of(rest, site.axes.filter((axis) => axis !== 0), { mask: others.mask });
    return { y: concat([this.apply(fixed, statistics, first), this.apply(rest, statistics.merge(own), others)], 0), statistics };
  }

  protected override check(x: Tensor, site: Site): void {
    if (x.shape[0] <= this.reference) throw batchFaults.reference(this.op, x.shape[0], this.reference);
    if (x.size / x.shape[0] * this.reference === site.channels) throw batchFaults.oneValue(this.op, x.shape, 'the reference', 'use a larger reference batch');
  }
}

/** A virtual batch normalization layer. @throws E318 for a batch of the reference alone, E319 for a reference of one value per channel, and what batchNorm throws */
export function virtualBatchNorm(options: VirtualBatchNormOptions): VirtualBatchNorm {
  return new VirtualBatchNorm(options);
}

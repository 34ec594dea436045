/** Batch normalization of large batches that come in micro-batches, one step each. */
import type { Buffer, Tensor } from '../../tensor/index.ts';
import { Statistics, where } from '../../tensor/index.ts';
import { count } from './count.ts';
import { faults } from './faults.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Keyed, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { oncePerStep } from './once-per-step.ts';
import { warnUnlessFinite } from './running-statistics.ts';

/** What accumulated batch normalization does beside plain. */
export interface AccumulatedBatchNormOptions extends NormalizationOptions {
  /** Steps that make up one large batch: those between two moves of the optimizer. */
  readonly microBatches: number;
  /** What a micro-batch is normalized by: all values of the large batch so far (default), or its own alone. */
  readonly normalizeBy?: 'accumulated' | 'own';
}

/**
 * For gradient accumulation. The running statistics move once for each large batch, by its exact statistics: those of its
 * micro-batches merged (Chan, Golub & LeVeque 1983), as if it had come at once. Outputs are normalized by what is known so far, so
 * the last micro-batch sees the statistics of the whole; gradients flow through each micro-batch's own share of them. Where all
 * micro-batches fit into one step, syncBatchNorm over [microBatches, samples, ...] is exact in outputs and gradients too.
 */
export class AccumulatedBatchNorm extends Normalization {
  accumulatedCount!: Buffer;
  accumulatedMean!: Buffer;
  accumulatedM2!: Buffer;
  /** What the mean leaves out by being f32. */
  accumulatedRest!: Buffer;
  /** Micro-batches of the current large batch so far. */
  accumulatedSteps!: Buffer;
  private soFar!: { readonly count: Keyed; readonly mean: Keyed; readonly m2: Keyed; readonly rest: Keyed; readonly steps: Keyed };
  private readonly microBatches: number;
  private readonly whole: boolean;

  constructor(options: AccumulatedBatchNormOptions) {
    super('accumulatedBatchNorm', options);
    const { microBatches, normalizeBy = 'accumulated' } = options;
    this.microBatches = count(this.op, 'microBatches', microBatches);
    if (normalizeBy !== 'accumulated' && normalizeBy !== 'own') throw faults.name(this.op, 'normalizeBy', normalizeBy, ['accumulated', 'own']);
    this.whole = normalizeBy === 'accumulated';
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const { shape } = this.runningMean;
    this.soFar = {
      count: this.keyed('accumulatedCount', [], 0), mean: this.keyed('accumulatedMean', shape, 0), m2: this.keyed('accumulatedM2', shape, 0),
      rest: this.keyed('accumulatedRest', shape, 0), steps: this.keyed('accumulatedSteps', [], 0),
    };
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    const { count, mean, m2, rest } = this.of(site.key);
    const wide = new Statistics(count.value, site.wide(mean.value), site.wide(m2.value), site.wide(rest.value));
    return { y: this.apply(x, this.whole ? statistics.merge(wide) : statistics, site), statistics };
  }

  /** Empty statistics move nothing: that is what all but the last micro-batch give. */
  protected override follow(statistics: Statistics, x: Tensor, key: string): void {
    const { count, mean, m2, rest, steps } = this.of(key);
    oncePerStep(steps, () => {
      // In this order: what is empty at first must not be what differences are taken from.
      const all = statistics.merge(new Statistics(count.value, mean.value, m2.value, rest.value)).stopGradient();
      warnUnlessFinite(all, this.updateOptions());
      const finite = all.mean.sub(all.mean).add(all.m2.sub(all.m2)).sum().eq(0);
      const next = { count: where(finite, all.count, count.value), mean: where(finite, all.mean, mean.value), m2: where(finite, all.m2, m2.value) };
      const last = steps.value.add(1).ge(this.microBatches);
      super.follow(new Statistics(where(last, next.count, 0), where(last, next.mean, 0), where(last, next.m2, 0)), x, key);
      count.assign(where(last, 0, next.count));
      mean.assign(where(last, 0, next.mean));
      m2.assign(where(last, 0, next.m2));
      rest.assign(where(last, 0, where(finite, all.rest!, rest.value)));
      steps.assign(where(last, 0, steps.value.add(1)));
    });
  }

  private of(key: string): Readonly<Record<keyof typeof this.soFar, Buffer>> {
    const { count, mean, m2, rest, steps } = this.soFar;
    return { count: count(key), mean: mean(key), m2: m2(key), rest: rest(key), steps: steps(key) };
  }
}

/** A batch normalization layer for gradient accumulation. @throws E101 unless microBatches is a whole number from 1, and what batchNorm throws */
export function accumulatedBatchNorm(options: AccumulatedBatchNormOptions): AccumulatedBatchNorm {
  return new AccumulatedBatchNorm(options);
}

/** Cross-iteration batch normalization (Yao et al. 2021). */
import { arange, grad, Statistics } from '../../tensor/index.ts';
import type { Buffer, Param, Tensor } from '../../tensor/index.ts';
import { count } from './count.ts';
import { batchFaults } from './batch-faults.ts';
import { faults } from './faults.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Keyed, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { oncePerStep } from './once-per-step.ts';
import { afterStep, withRow } from './ring.ts';

/** Which steps are pooled, and which weight they depend on. */
export interface CrossIterationBatchNormOptions extends NormalizationOptions {
  /** The weight that the layer before computes with, its output channels on the last axis: `() => conv.weight`. */
  readonly weight: () => Param;
  /** Steps whose statistics are pooled, this one included; default 4. */
  readonly window?: number;
  /** First steps of plain batch normalization, while weights move fast; default 0. */
  readonly burnIn?: number;
}

/** What is kept of earlier steps. */
const RINGS = ['means', 'variances', 'meanSlopes', 'varianceSlopes', 'weights'] as const;
type Ring = (typeof RINGS)[number];

/**
 * Normalizes by the statistics of the last `window` batches, those of earlier ones corrected to first order for what the weight before
 * has changed since: mean + d mean / d weight * (weight now - weight then), and so the variance (Yao et al. 2021, arXiv 2002.05712,
 * who correct E[x^2] instead: equal to first order, but without its cancellation). Corrected variances below 0 are left out.
 * Gradients flow through this batch's share. For detection and segmentation with 1 to 4 images at a time; it keeps window - 1
 * copies of the weight and two slopes of its size, and differentiates the layer before once more in each step.
 */
export class CrossIterationBatchNorm extends Normalization {
  /** [window - 1, channels] and, of the weight's shape, [window - 1, ...weight]. */
  recentMeans!: Buffer;
  recentVariances!: Buffer;
  recentMeanSlopes!: Buffer;
  recentVarianceSlopes!: Buffer;
  recentWeights!: Buffer;
  /** Training steps so far. */
  pooledSteps!: Buffer;
  private recent!: Readonly<Record<Ring, Keyed>>;
  private steps!: Keyed;
  private readonly weight: () => Param;
  private readonly past: number;
  private readonly burnIn: number;

  constructor({ weight, window = 4, burnIn = 0, ...options }: CrossIterationBatchNormOptions) {
    super('crossIterationBatchNorm', options);
    if (typeof weight !== 'function') throw faults.option(this.op, 'weight', 'must be a function that gives the weight of the layer before', weight, 'for example weight: () => conv.weight');
    this.weight = weight;
    this.past = count(this.op, 'window', window) - 1;
    this.burnIn = burnIn;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const { shape } = this.weight();
    const channels = this.runningMean.shape[0];
    if (shape.at(-1) !== channels) {
      throw batchFaults.companion(this.op, 'weight', x.shape, shape, `that of the layer before, ${channels} output channels on its last axis`, 'write weight: () => conv.weight with the layer that feeds this one');
    }
    const make = (name: string, rest: readonly number[]): Keyed => this.keyed(name, [this.past, ...rest], 0);
    this.recent = {
      means: make('recentMeans', [channels]), variances: make('recentVariances', [channels]),
      meanSlopes: make('recentMeanSlopes', shape), varianceSlopes: make('recentVarianceSlopes', shape), weights: make('recentWeights', shape),
    };
    this.steps = this.keyed('pooledSteps', [], 0);
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    if (this.past === 0) return { y: this.apply(x, statistics, site), statistics };
    const own = statistics.reshape([1, site.channels]);
    const all = own.merge(this.earlier(own, site.key));
    this.remember(own, site.key);
    return { y: this.apply(x, { mean: site.wide(all.mean), variance: site.wide(all.variance) }, site), statistics };
  }

  /** Those of the steps before, each counted as this one, as they would be by the weight of now. */
  private earlier({ count: values }: Statistics, key: string): Statistics {
    const weight = this.weight().value.stopGradient();
    const moved = weight.reshape([1, ...weight.shape]).sub(this.recent.weights(key).value);
    const axes = weight.shape.slice(0, -1).map((_, i) => i + 1);
    const corrected = (value: Keyed, slope: Keyed): Tensor => value(key).value.add(slope(key).value.mul(moved).sum(axes));
    const mean = corrected(this.recent.means, this.recent.meanSlopes);
    const variance = corrected(this.recent.variances, this.recent.varianceSlopes);
    const steps = this.steps(key).value;
    const known = arange(this.past).cast('f32').lt(steps).and(steps.ge(this.burnIn)).reshape([this.past, 1]);
    const each = known.and(variance.ge(0)).cast('f32').mul(values);
    return new Statistics(each, mean, variance.maximum(0).mul(each)).pool(0).stopGradient();
  }

  /** A channel's statistics depend on its own part of the weight alone, so one gradient of their sum holds the slopes of all. */
  private remember(own: Statistics, key: string): void {
    if (!this.moves()) return;
    const { mean, variance } = own;
    const weight = this.weight();
    const counter = this.steps(key);
    const steps = counter.value;
    const slopeOf = (value: Tensor): Tensor => grad(value.sum(), [weight])[0];
    const rows: Readonly<Record<Ring, Tensor>> = { means: mean, variances: variance, meanSlopes: slopeOf(mean), varianceSlopes: slopeOf(variance), weights: weight.value };
    oncePerStep(counter, () => {
      for (const name of RINGS) {
        const ring = this.recent[name](key);
        ring.assign(withRow(ring.value, rows[name], steps).stopGradient());
      }
      counter.assign(afterStep(steps, own));
    });
  }
}

/** A cross-iteration batch normalization layer. @throws E317 for a weight of other channels, and what batchNorm throws */
export function crossIterationBatchNorm(options: CrossIterationBatchNormOptions): CrossIterationBatchNorm {
  return new CrossIterationBatchNorm(options);
}

/** Moving-average batch normalization (Yan et al. 2020). */
import { currentTrace } from '../../runtime/index.ts';
import { Statistics, where, withGradient } from '../../tensor/index.ts';
import type { Buffer, Tensor } from '../../tensor/index.ts';
import { count } from './count.ts';
import { faults } from './faults.ts';
import { counted } from './mask.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Keyed, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { oncePerStep } from './once-per-step.ts';
import { afterStep, withRow } from './ring.ts';

/** What is averaged, and from when on. */
export interface MovingAverageBatchNormOptions extends Omit<NormalizationOptions, 'estimator'> {
  /** Steps that are averaged: the batch size wanted divided by the one there is. Default 16. */
  readonly buffer?: number;
  /** First steps in which each batch stands for itself; default 100, and never less than `buffer`. */
  readonly warmup?: number;
  /** Steps before r, the correction towards the running statistics, begins; default 1000, and never less than `warmup`. */
  readonly correctAfter?: number;
  /** r stays in 1 / limit .. limit; default 5. 1 for none. */
  readonly limit?: number;
}

/** What a step knows before it normalizes. */
interface Now { readonly variance: Tensor; readonly correction: Tensor; readonly steps: Tensor; readonly warm: Tensor }

/**
 * y = scale * r * x / sqrt(v + epsilon) + shift: v is the mean of E[x^2] over the last `buffer` steps, r = sqrt(v + epsilon) /
 * sqrt(running v + epsilon) within limits (Yan et al. 2020, arXiv 2001.06838; the constants are those of their code). The
 * backward pass averages E[g x / sqrt(v + epsilon)] over as many steps, so no single small batch decides; its gradient is therefore not
 * that of the forward pass, but for `buffer: 1`, `limit: 1`, which is batch normalization without centering. Nothing subtracts the mean:
 * center the weights before it (weightCentering). For batches of 2 where inference must fold into a convolution; evaluation is batch
 * normalization with runningMean 0 and runningVariance the average of v, by `decay` (default 0.98).
 */
export class MovingAverageBatchNorm extends Normalization {
  /** [buffer, channels]: E[x^2] and, of the backward pass, E[g x / deviation], of the last steps. */
  recentSquares!: Buffer;
  recentSlopes!: Buffer;
  /** Training steps so far. */
  averagedSteps!: Buffer;
  private recent!: { readonly squares: Keyed; readonly slopes: Keyed; readonly steps: Keyed };
  private readonly slots: number;
  private readonly warmup: number;
  private readonly correctAfter: number;
  private readonly limit: number;

  constructor({ buffer = 16, warmup = 100, correctAfter = 1000, limit = 5, ...options }: MovingAverageBatchNormOptions = {}) {
    super('movingAverageBatchNorm', { decay: 0.98, ...options, estimator: 'population' });
    this.slots = count(this.op, 'buffer', buffer);
    if (!(warmup >= 0)) throw faults.option(this.op, 'warmup', 'must not be negative', warmup, 'for example warmup: 100');
    if (!(limit >= 1)) throw faults.option(this.op, 'limit', 'must be at least 1', limit, 'for example limit: 5');
    if (!(correctAfter >= 0)) throw faults.option(this.op, 'correctAfter', 'must not be negative', correctAfter, 'for example correctAfter: 1000');
    this.warmup = Math.max(warmup, buffer);
    this.correctAfter = Math.max(correctAfter, this.warmup);
    this.limit = limit;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const channels = this.runningMean.shape[0];
    const ring = [this.slots, channels];
    this.recent = { squares: this.keyed('recentSquares', ring, 0), slopes: this.keyed('recentSlopes', ring, 0), steps: this.keyed('averagedSteps', [], 0) };
  }

  protected override gather(x: Tensor, site: Site): Statistics {
    const { count: values, mean, variance } = Statistics.of(x, site.axes, { mask: site.mask });
    return Statistics.from(values, mean.mul(0), variance.add(mean.square()));
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const own = this.gather(x, site).stopGradient();
    const now = this.look(own, site);
    const y = this.divided(x, own, now, site);
    const scaled = site.scale ? y.mul(site.scale) : y;
    return { y: site.shift ? scaled.add(site.shift) : scaled, statistics: Statistics.from(own.count, own.mean, now.variance) };
  }

  private look(own: Statistics, site: Site): Now {
    const squares = own.variance;
    const { epsilon } = this.settings;
    const [ring, counter] = [this.recent.squares(site.key), this.recent.steps(site.key)];
    const steps = counter.value;
    const warm = steps.ge(this.warmup);
    const recent = withRow(ring.value, squares, steps);
    const variance = where(warm, site.wide(recent.mean(0)), squares);
    const ratio = variance.add(epsilon).div(site.wide(this.running(site.key).variance.value).add(epsilon)).sqrt();
    const correction = where(steps.ge(this.correctAfter), ratio.clip(1 / this.limit, this.limit), 1);
    if (this.moves()) {
      oncePerStep(counter, () => {
        ring.assign(recent);
        counter.assign(afterStep(steps, own));
      });
    }
    return { variance, correction, steps, warm };
  }

  /** x * correction / deviation with the backward pass of the paper, which takes both as they are and averages over steps itself. */
  private divided(x: Tensor, own: Statistics, { variance, correction, steps, warm }: Now, site: Site): Tensor {
    const rstd = variance.add(this.settings.epsilon).rsqrt().stopGradient();
    const factor = correction.stopGradient();
    const moves = this.moves();
    const trace = currentTrace();
    const ring = this.recent.slopes(site.key);
    const before = ring.value;
    const { mask } = site;
    return withGradient(x.mul(rstd.mul(factor)), [x], (g) => {
      const inner = g.mul(factor);
      const product = inner.mul(x.mul(rstd));
      const slopes = counted(product, mask).sum(site.axes, { keepDims: true }).div(typeof own.count === 'number' ? own.count : own.count.maximum(1));
      const recent = withRow(before, slopes, steps);
      if (moves && currentTrace() === trace) oncePerStep(ring, () => ring.assign(recent.stopGradient()));
      const back = x.mul(rstd).mul(where(warm, site.wide(recent.mean(0)), slopes));
      return [inner.sub(counted(back, mask)).mul(rstd)];
    });
  }
}

/** A moving-average batch normalization layer. @throws E101 for options out of range, and what batchNorm throws */
export function movingAverageBatchNorm(options?: MovingAverageBatchNormOptions): MovingAverageBatchNorm {
  return new MovingAverageBatchNorm(options);
}

/** Batch renormalization (Ioffe 2017). */
import type { Buffer, Operand, Statistics, Tensor } from '../../tensor/index.ts';
import { maximum, where } from '../../tensor/index.ts';
import { faults } from './faults.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { oncePerStep } from './once-per-step.ts';
import { renormSchedule } from './renorm-limits.ts';
import type { RenormLimits, RenormSchedule } from './renorm-limits.ts';
import { afterStep } from './ring.ts';
import { RunningStatistics } from './running-statistics.ts';

/** What batch renormalization does beside plain batch normalization. Its averages are exponential. */
export interface BatchRenormOptions extends Omit<NormalizationOptions, 'average' | 'debias'> {
  /** Limits of the corrections, for good or by step; default the paper's `renormSchedule()`. Keras' default is none: {}. */
  readonly limits?: RenormLimits | RenormSchedule;
  /** Weight of the old value in the averages that training corrects towards; default 0.99. */
  readonly renormDecay?: number;
}

/** Averages of mean and deviation, sqrt(variance + epsilon), in place of mean and variance. */
class RunningDeviations extends RunningStatistics {
  protected override spread({ variance }: Statistics, { epsilon }: { readonly epsilon: number }): Tensor {
    return variance.add(epsilon).sqrt();
  }
}

/** What the layer remembers of a key. */
interface Remembered { readonly evaluated: RunningDeviations; readonly corrected: RunningDeviations; readonly steps: Buffer }

/**
 * Batch normalization whose outputs in training are moved towards those of evaluation (Ioffe 2017, arXiv 1702.03275, alg. 1):
 * y = (xhat * r + d) * scale + shift with r = deviation of the batch / running deviation and d = (mean of the batch - running mean)
 * / running deviation, both within limits and without gradient. For small batches and batches that are not independent draws. It
 * needs running statistics that are worth something: the limits begin closed (plain batch normalization) and open step by step.
 * As in Keras 3, r and d see the averages before this step's update, by `renormDecay`; evaluation has averages of its own, by
 * `decay` (default 0.99): the deviation is averaged, and runningVariance is its square less epsilon.
 */
export class BatchRenorm extends Normalization {
  renormMean!: Buffer;
  renormDeviation!: Buffer;
  runningDeviation!: Buffer;
  /** Training steps so far. */
  renormSteps!: Buffer;
  private readonly rememberedByKey = new Map<string, Remembered>();
  private readonly limits: RenormLimits | RenormSchedule;
  private readonly renormDecay: number;

  constructor(options: BatchRenormOptions = {}) {
    super('batchRenorm', { ...(options.dialect === undefined && { decay: 0.99 }), ...options, average: 'exponential', debias: false });
    const { limits = renormSchedule(), renormDecay = 0.99 } = options;
    if (!(renormDecay >= 0 && renormDecay <= 1)) throw faults.option(this.op, 'renormDecay', 'must be in 0 .. 1, the weight of the old value', renormDecay, 'for example renormDecay: 0.99');
    this.limits = limits;
    this.renormDecay = renormDecay;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const { shape } = this.runningMean;
    const evaluated = this.keyed('runningDeviation', shape, 1);
    const [mean, deviation, steps] = [this.keyed('renormMean', shape, 0), this.keyed('renormDeviation', shape, 1), this.keyed('renormSteps', [], 0)];
    for (const key of this.settings.keys) {
      this.rememberedByKey.set(key, {
        evaluated: new RunningDeviations(this.running(key).mean, evaluated(key)), corrected: new RunningDeviations(mean(key), deviation(key)), steps: steps(key),
      });
    }
  }

  /** The running deviation of a key, whose square less epsilon is the running variance. */
  deviationOf(key: string): Buffer {
    return this.rememberedByKey.get(key)!.evaluated.variance;
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    const { r, d } = this.corrections(statistics, site);
    const scale = site.scale ? site.scale.mul(r) : r;
    const shift = site.scale ? site.scale.mul(d) : d;
    return { y: this.apply(x, statistics, { ...site, scale, shift: site.shift ? shift.add(site.shift) : shift }), statistics };
  }

  protected override follow(statistics: Statistics, x: Tensor, key: string): void {
    const options = this.updateOptions();
    const { evaluated, corrected, steps } = this.rememberedByKey.get(key)!;
    const before = evaluated.variance.value;
    evaluated.update(statistics, x.node, options);
    corrected.update(statistics, x.node, { ...options, decay: this.renormDecay });
    const { variance } = this.running(key);
    const now = evaluated.variance.value;
    variance.assign(where(now.eq(before), variance.value, maximum(now.square().sub(options.epsilon), 0)));
    oncePerStep(steps, () => steps.assign(afterStep(steps.value, statistics)));
  }

  private corrections({ mean, variance }: Statistics, { key, wide }: Site): { readonly r: Tensor; readonly d: Tensor } {
    const { epsilon } = this.settings;
    const { corrected, steps } = this.rememberedByKey.get(key)!;
    const { rMin, rMax, dMax } = typeof this.limits === 'function' ? this.limits(steps.value) : this.limits;
    const deviation = wide(maximum(corrected.variance.value, Math.sqrt(epsilon)));
    const r = variance.add(epsilon).sqrt().div(deviation);
    const d = mean.sub(wide(corrected.mean.value)).div(deviation);
    return { r: within(r, rMin, rMax).stopGradient(), d: within(d, dMax === undefined ? undefined : negative(dMax), dMax).stopGradient() };
  }
}

/** A batch renormalization layer. @throws E101 for options out of range, and what batchNorm throws */
export function batchRenorm(options?: BatchRenormOptions): BatchRenorm {
  return new BatchRenorm(options);
}

function within(x: Tensor, low: Operand | undefined, high: Operand | undefined): Tensor {
  const above = low === undefined ? x : x.maximum(low);
  return high === undefined ? above : above.minimum(high);
}

function negative(x: number | Tensor): number | Tensor {
  return typeof x === 'number' ? -x : x.neg();
}

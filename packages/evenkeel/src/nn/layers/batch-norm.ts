/** Batch normalization (Ioffe & Szegedy 2015). */
import { resolveAxis } from '../../base/index.ts';
import { currentTrace } from '../../runtime/index.ts';
import { batchNormalize, eq, normalize, where } from '../../tensor/index.ts';
import type { Buffer, Param, Tensor } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { init } from '../init.ts';
import { Module } from '../module.ts';

/** What batch normalization computes, learns and remembers. */
export interface BatchNormOptions {
  /** The channels; default -1, the last axis. */
  readonly axis?: number;
  /** Weight of the old value in the running averages; default 0.9 (PyTorch's momentum 0.1). Keras uses 0.99. */
  readonly decay?: number;
  /** Added to the variance; default 1e-5. Keras uses 1e-3. */
  readonly epsilon?: number;
  /** Learn a factor for each channel; default true. */
  readonly scale?: boolean;
  /** Learn an offset for each channel; default true. */
  readonly center?: boolean;
  /** What training normalizes by: this batch's statistics (default) or the running ones. Evaluation always uses the running ones. */
  readonly statistics?: 'batch' | 'running';
  /** Let training with batch statistics move the running ones; default true. */
  readonly update?: boolean;
}

/**
 * Normalizes each channel over the batch and all other axes.
 * In training by the batch's mean and population variance; the running variance takes the unbiased one, as PyTorch's. After
 * freeze() it uses the running statistics in training too, and keeps them. Statistics that are not finite are not taken over.
 */
export class BatchNorm extends Module {
  scale: Param | undefined;
  shift: Param | undefined;
  runningMean!: Buffer;
  runningVariance!: Buffer;
  private readonly options: BatchNormOptions;
  private readonly decay: number;

  constructor(options: BatchNormOptions = {}) {
    super();
    const { decay = 0.9, epsilon = 1e-5 } = options;
    if (!(decay >= 0 && decay <= 1)) throw faults.option('batchNorm', 'decay', 'must be in 0 .. 1, the weight of the old value', decay, "for PyTorch's momentum m write decay: 1 - m");
    if (!(epsilon >= 0)) throw faults.option('batchNorm', 'epsilon', 'must not be negative', epsilon, 'for example epsilon: 1e-5');
    this.options = options;
    this.decay = decay;
  }

  protected override setup(x: Tensor): void {
    const channels = x.shape[this.axisOf(x)];
    const fans = { fanIn: channels, fanOut: channels };
    if (this.options.scale ?? true) this.scale = this.param('scale', [channels], init.ones(), fans);
    if (this.options.center ?? true) this.shift = this.param('shift', [channels], init.zeros(), fans);
    this.runningMean = this.buffer('runningMean', [channels], 0);
    this.runningVariance = this.buffer('runningVariance', [channels], 1);
  }

  override describe(): string {
    return 'batchNorm';
  }

  forward(x: Tensor): Tensor {
    const axis = this.axisOf(x);
    const channels = this.runningMean.shape[0];
    if (x.shape[axis] !== channels) throw faults.normChannels(x.shape, axis, channels);
    const training = currentTrace().mode === 'train' && !this.frozen;
    return training && this.options.statistics !== 'running' ? this.byBatch(x, axis) : this.byRunning(x, axis);
  }

  private byBatch(x: Tensor, axis: number): Tensor {
    const count = x.size / x.shape[axis];
    if (count === 1) throw faults.oneValue(x.shape);
    const { epsilon = 1e-5, update = true } = this.options;
    const others = x.shape.map((_, i) => i).filter((i) => i !== axis);
    const { y, mean, variance } = batchNormalize(x, others, { epsilon, scale: this.scale, shift: this.shift });
    if (update && count > 0) {
      this.follow(this.runningMean, mean);
      this.follow(this.runningVariance, variance.mul(count / (count - 1)));
    }
    return y;
  }

  private byRunning(x: Tensor, axis: number): Tensor {
    const shape = x.shape.map((extent, i) => (i === axis ? extent : 1));
    const wide = (ref: Param | Buffer): Tensor => ref.value.reshape(shape);
    return normalize(x, { mean: wide(this.runningMean), variance: wide(this.runningVariance), epsilon: this.options.epsilon },
      { scale: this.scale && wide(this.scale), shift: this.shift && wide(this.shift) });
  }

  /** A NaN or infinity would stay in the running average for good. */
  private follow(running: Buffer, now: Tensor): void {
    const old = running.value;
    const next = old.mul(this.decay).add(now.mul(1 - this.decay));
    running.assign(where(eq(now.sub(now), 0), next, old).stopGradient());
  }

  private axisOf(x: Tensor): number {
    const { axis = -1 } = this.options;
    const resolved = resolveAxis(axis, x.rank);
    if (resolved === undefined || resolved === 0) throw faults.normAxis(x.shape, axis);
    return resolved;
  }
}

/**
 * A batch normalization layer.
 * @throws E310 for an input of another number of channels; E311 in training with one value per channel; E312 for an axis that cannot be
 */
export function batchNorm(options?: BatchNormOptions): BatchNorm {
  return new BatchNorm(options);
}

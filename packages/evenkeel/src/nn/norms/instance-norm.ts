/** Instance normalization (Ulyanov, Vedaldi & Lempitsky 2016, arXiv 1607.08022). */
import { normalize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { groupStatistics } from './group-statistics.ts';
import { maskOver } from './mask.ts';
import { checkEpsilon } from './option-checks.ts';
import { channelAxis, PerSampleNorm, positionsOf, presetOf } from './per-sample.ts';
import type { AffineOptions, ChannelOptions, MaskCall } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';
import { TrackedInstanceNorm } from './tracked-instance-norm.ts';
import type { TrackedInstanceNormOptions } from './tracked-instance-norm.ts';

/** What each framework's instance normalization adds to the variance, and whether it learns. */
const PRESETS = {
  torch: { epsilon: 1e-5, affine: false },
  keras: { epsilon: 1e-3, affine: true },
  onnx: { epsilon: 1e-5, affine: true },
  flax: { epsilon: 1e-6, affine: true },
} as const;

/** What instance normalization computes and learns: one factor and offset for each channel, by default none. */
export interface InstanceNormOptions extends AffineOptions, ChannelOptions {
  /** Added to the variance; default 1e-5, or the dialect's. */
  readonly epsilon?: number;
  /** Whose defaults: torch (default) epsilon 1e-5, no scale and center; with them keras (groups -1) 1e-3, onnx 1e-5, flax 1e-6. */
  readonly dialect?: keyof typeof PRESETS;
  /** Keep no running statistics (default), or evaluate by them: instanceNorm({ running: true }) takes the options of both. */
  readonly running?: false;
}

/** With or without running statistics. */
export type AnyInstanceNormOptions = InstanceNormOptions | (TrackedInstanceNormOptions & { readonly running: true });

/** Standardizes each channel of each sample over all positions. */
export class InstanceNorm extends PerSampleNorm {
  private readonly axis: number | undefined;
  private readonly epsilon: number;

  constructor(options: InstanceNormOptions = {}) {
    const preset = presetOf<{ readonly epsilon: number; readonly affine: boolean }>('instanceNorm', PRESETS, options.dialect);
    const { scale = preset.affine, center = preset.affine, epsilon = preset.epsilon } = options;
    super('instanceNorm', { ...options, scale, center });
    this.axis = options.axis;
    this.epsilon = checkEpsilon('instanceNorm', epsilon);
  }

  protected override setup(x: Tensor): void {
    this.affine([x.shape[channelAxis(this.op, x, this.axis)]]);
  }

  forward(x: Tensor, call: MaskCall = {}): Tensor {
    const axis = channelAxis(this.op, x, this.axis);
    const affine = this.perChannel(x, axis);
    checkPositions(this.op, x, axis);
    const mask = call.mask && maskOver(this.op, x, axis, call.mask);
    return this.activate(normalize(x, groupStatistics(x, { axis, mask }), { epsilon: this.epsilon, ...affine }));
  }
}

/** @throws E332 if a channel of a sample is one value: standardized it is 0, whatever it was */
export function checkPositions(op: string, x: Tensor, axis: number): void {
  if (positionsOf(x, axis) === 1) throw sampleFaults.oneElement(op, x.shape, 'a channel of a sample', 'use groupNorm or layerNorm, which take channels together');
}

/**
 * An instance normalization layer, for style transfer and images made from images.
 * @throws E101 for options out of range; at the first input that does not fit E310 (channels), E312 (axis), E332 (one value); E313 for a mask
 */
export function instanceNorm(options?: InstanceNormOptions): InstanceNorm;
export function instanceNorm(options: TrackedInstanceNormOptions & { readonly running: true }): TrackedInstanceNorm;
export function instanceNorm(options: AnyInstanceNormOptions): InstanceNorm | TrackedInstanceNorm;
export function instanceNorm(options: AnyInstanceNormOptions = {}): InstanceNorm | TrackedInstanceNorm {
  return options.running ? new TrackedInstanceNorm(options) : new InstanceNorm(options);
}

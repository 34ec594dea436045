/** Adaptive instance normalization (Huang & Belongie 2017, arXiv 1703.06868, eq. 8). */
import { normalize, Statistics } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { init } from '../init.ts';
import { Module } from '../module.ts';
import type { ModuleOptions } from '../module.ts';
import { faults } from './faults.ts';
import { groupStatistics } from './group-statistics.ts';
import { checkPositions } from './instance-norm.ts';
import { maskOver } from './mask.ts';
import { checkEpsilon } from './option-checks.ts';
import { channelAxis, spatialAxes } from './per-sample.ts';
import type { ChannelOptions, MaskCall } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';

/** Where the style comes from. */
export interface AdaptiveInstanceNormOptions extends ChannelOptions, ModuleOptions {
  /**
   * 'features' (default): the style is the features of another image, whose mean and deviation x takes over; nothing is learned.
   * 'vector': the style is [N, K], and a learned affine map of it says scale and shift (Karras et al. 2019, StyleGAN, section 2).
   */
  readonly style?: 'features' | 'vector';
  /** Added to variances; default 1e-5. */
  readonly epsilon?: number;
}

/** Standardizes each channel of each sample, then gives it the deviation and mean that the style says. */
export class AdaptiveInstanceNorm extends Module {
  /** Of 'vector': [K, 2 C], the scale (less 1) before the shift. */
  weight: Param | undefined;
  bias: Param | undefined;
  private readonly options: AdaptiveInstanceNormOptions;
  private readonly epsilon: number;

  constructor(options: AdaptiveInstanceNormOptions = {}) {
    super(options);
    const { style = 'features', epsilon = 1e-5 } = options;
    if (style !== 'features' && style !== 'vector') throw faults.name('adaptiveInstanceNorm', 'style', style, ['features', 'vector']);
    this.options = options;
    this.epsilon = checkEpsilon('adaptiveInstanceNorm', epsilon);
  }

  protected override setup(x: Tensor, style?: Tensor): void {
    if (this.options.style !== 'vector') return;
    const channels = x.shape[channelAxis('adaptiveInstanceNorm', x, this.options.axis)];
    const given = this.checkVector(x, style);
    const fans = { fanIn: given.shape[1], fanOut: 2 * channels };
    this.weight = this.param('weight', [fans.fanIn, fans.fanOut], init.fanInUniform(), fans);
    this.bias = this.param('bias', [fans.fanOut], init.zeros(), fans);
  }

  override describe(): string {
    return 'adaptiveInstanceNorm';
  }

  /** @param style features with x's channels, of one or as many samples and any size; or vectors, one or as many. The mask is that of x */
  forward(x: Tensor, style?: Tensor, call: MaskCall = {}): Tensor {
    const axis = channelAxis('adaptiveInstanceNorm', x, this.options.axis);
    checkPositions('adaptiveInstanceNorm', x, axis);
    const affine = this.options.style === 'vector' ? this.byVector(x, axis, style) : this.byFeatures(x, axis, style);
    const mask = call.mask && maskOver('adaptiveInstanceNorm', x, axis, call.mask);
    return normalize(x, groupStatistics(x, { axis, mask }), { epsilon: this.epsilon, ...affine });
  }

  private byFeatures(x: Tensor, axis: number, style: Tensor | undefined): Styled {
    const fits = style?.rank === x.rank && [1, x.shape[0]].includes(style.shape[0]) && style.shape[axis] === x.shape[axis];
    if (!style || !fits) throw sampleFaults.companion('adaptiveInstanceNorm', 'style', x.shape, style?.shape, `features with ${x.shape[axis]} channels on axis ${axis}, of one sample or as many as the input`);
    const { mean, variance } = Statistics.of(style, spatialAxes(style, axis));
    return { scale: variance.add(this.epsilon).sqrt(), shift: mean };
  }

  private byVector(x: Tensor, axis: number, style: Tensor | undefined): Styled {
    const both = this.checkVector(x, style).matmul(this.weight!).add(this.bias!);
    const channels = x.shape[axis];
    const wide = (from: number): Tensor => both.slice([0, from], [both.shape[0], from + channels]).reshape(x.shape.map((extent, i) => (i === 0 ? both.shape[0] : i === axis ? extent : 1)));
    return { scale: wide(0).add(1), shift: wide(channels) };
  }

  private checkVector(x: Tensor, style: Tensor | undefined): Tensor {
    const size = this.weight?.shape[0];
    const fits = style?.rank === 2 && [1, x.shape[0]].includes(style.shape[0]) && (size === undefined || style.shape[1] === size);
    if (!style || !fits) throw sampleFaults.companion('adaptiveInstanceNorm', 'style', x.shape, style?.shape, `a vector [N, ${size ?? 'K'}], one or as many as the input has samples`);
    return style;
  }
}

interface Styled { readonly scale: Tensor; readonly shift: Tensor }

/**
 * An adaptive instance normalization layer: `layer.forward(content, style)`.
 * @throws E101; at the first input that does not fit E312 (axis), E332 (one position), E334 (style); E313 for a mask
 */
export function adaptiveInstanceNorm(options?: AdaptiveInstanceNormOptions): AdaptiveInstanceNorm {
  return new AdaptiveInstanceNorm(options);
}

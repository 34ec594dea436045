/** Transposed convolution: makes images larger. */
import { convTranspose2d as convolve } from '../../tensor/index.ts';
import type { Param, Tensor, TransposedOptions } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { init } from '../init.ts';
import type { Initializer } from '../init.ts';
import { Module } from '../module.ts';
import { checkImages } from './conv2d.ts';
import { count, pair } from './options.ts';

/** Geometry and parameters of a transposed convolution. */
export interface ConvTranspose2dOptions extends TransposedOptions {
  /** Add a bias; default true. */
  readonly bias?: boolean;
  /** First weights; default uniform in +-1 / sqrt(values under one kernel), counted over the outputs as PyTorch does. */
  readonly init?: Initializer;
  /** Channels of the input; default: those of the first input. */
  readonly in?: number;
}

/** x [N, H, W, C] with weight [KH, KW, filters / groups, C] gives [N, H', W', filters]: the adjoint of a conv2d from filters to C. */
export class ConvTranspose2d extends Module {
  readonly filters: number;
  readonly kernel: readonly [number, number];
  readonly options: ConvTranspose2dOptions;
  /** Axis of the weight that counts the outputs (of one group); rules for weights go by it. */
  readonly outputAxis = -2;
  weight!: Param;
  bias: Param | undefined;

  constructor(filters: number, kernel: number | readonly number[], options: ConvTranspose2dOptions = {}) {
    super();
    this.filters = count('convTranspose2d', 'filters', filters);
    this.kernel = pair('convTranspose2d', 'kernel', kernel);
    count('convTranspose2d', 'groups', options.groups ?? 1);
    this.options = options;
  }

  protected override setup(x: Tensor): void {
    const { groups = 1, bias = true } = this.options;
    checkImages('convTranspose2d', x);
    const channels = this.options.in ?? x.shape[3];
    if (channels % groups !== 0 || this.filters % groups !== 0) throw faults.groups('convTranspose2d', channels, this.filters, groups);
    const area = this.kernel[0] * this.kernel[1];
    const fans = { fanIn: (area * this.filters) / groups, fanOut: (area * channels) / groups };
    this.weight = this.param('weight', [...this.kernel, this.filters / groups, channels], this.options.init ?? init.fanInUniform(), fans);
    if (bias) this.bias = this.param('bias', [this.filters], init.fanInUniform(), fans);
  }

  override describe(): string {
    return `convTranspose2d ${this.filters}, ${this.kernel.join('x')}`;
  }

  forward(x: Tensor): Tensor {
    checkImages('convTranspose2d', x);
    if (x.shape[3] !== this.weight.shape[3]) throw faults.channels('convTranspose2d', x.shape, this.weight.shape[3]);
    const y = convolve(x, this.weight, this.options);
    return this.bias ? y.add(this.bias.value) : y;
  }
}

/**
 * A transposed convolution of images: with stride 2, kernel 4 and padding 1 they come out twice as large.
 * @param filters  output channels
 * @param kernel   height and width of the window, one number for both
 * @throws E300, E302, E303 at the first input that does not fit
 */
export function convTranspose2d(filters: number, kernel: number | readonly number[], options?: ConvTranspose2dOptions): ConvTranspose2d {
  return new ConvTranspose2d(filters, kernel, options);
}

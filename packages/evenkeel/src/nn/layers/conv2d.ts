/** Two-dimensional convolution (cross-correlation, as everywhere in the field). */
import { conv2d as convolve } from '../../tensor/index.ts';
import type { ConvolutionOptions, Param, Tensor } from '../../tensor/index.ts';
import { checkTensor } from '../check-tensor.ts';
import { faults } from '../faults.ts';
import { init } from '../init.ts';
import type { Initializer } from '../init.ts';
import { Module } from '../module.ts';
import { count, pair } from './options.ts';

/** Geometry and parameters of a convolution. */
export interface Conv2dOptions extends ConvolutionOptions {
  /** Add a bias; default true. */
  readonly bias?: boolean;
  /** First weights; default uniform in +-1 / sqrt(values under one kernel), as PyTorch. */
  readonly init?: Initializer;
  /** Channels of the input; default: those of the first input. */
  readonly in?: number;
}

/** x [N, H, W, C] with weight [KH, KW, C / groups, filters] gives [N, H', W', filters]. */
export class Conv2d extends Module {
  readonly filters: number;
  readonly kernel: readonly [number, number];
  weight!: Param;
  bias: Param | undefined;
  readonly options: Conv2dOptions;

  constructor(filters: number, kernel: number | readonly number[], options: Conv2dOptions = {}) {
    super();
    this.filters = count('conv2d', 'filters', filters);
    this.kernel = pair('conv2d', 'kernel', kernel);
    count('conv2d', 'groups', options.groups ?? 1);
    this.options = options;
  }

  protected override setup(x: Tensor): void {
    const { groups = 1, bias = true } = this.options;
    checkImages('conv2d', x);
    const channels = this.options.in ?? x.shape[3];
    if (channels % groups !== 0 || this.filters % groups !== 0) throw faults.groups('conv2d', channels, this.filters, groups);
    const area = this.kernel[0] * this.kernel[1];
    const fans = { fanIn: (area * channels) / groups, fanOut: (area * this.filters) / groups };
    this.weight = this.param('weight', [...this.kernel, channels / groups, this.filters], this.options.init ?? init.fanInUniform(), fans);
    if (bias) this.bias = this.param('bias', [this.filters], init.fanInUniform(), fans);
  }

  override describe(): string {
    return `conv2d ${this.filters}, ${this.kernel.join('x')}`;
  }

  forward(x: Tensor): Tensor {
    checkImages('conv2d', x);
    const channels = this.weight.shape[2] * (this.options.groups ?? 1);
    if (x.shape[3] !== channels) throw faults.channels('conv2d', x.shape, channels);
    const y = convolve(x, this.weight, this.options);
    return this.bias ? y.add(this.bias.value) : y;
  }
}

/** @throws E300 unless x is [N, H, W, C] */
export function checkImages(op: string, x: Tensor): void {
  checkTensor(op, 'input', x);
  if (x.rank !== 4) throw faults.rank(op, x.shape, 'images [N, H, W, C]', x.rank === 3 ? 'add the channel axis: x.expandDims(-1)' : 'reshape it to images first');
}

/**
 * A convolution of images.
 * @param filters  output channels
 * @param kernel   height and width of the window, one number for both
 * @throws E300, E302, E303 at the first input that does not fit
 */
export function conv2d(filters: number, kernel: number | readonly number[], options?: Conv2dOptions): Conv2d {
  return new Conv2d(filters, kernel, options);
}

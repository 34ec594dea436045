/** Pixelwise feature normalization (Karras et al. 2018, "Progressive growing of GANs", arXiv 1710.10196, section 4.2). */
import { rmsNormalize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { Module } from '../module.ts';
import { checkEpsilon, refuseForeign } from './option-checks.ts';
import { channelAxis } from './per-sample.ts';
import type { ChannelOptions } from './per-sample.ts';

/** What pixel normalization computes. */
export interface PixelNormOptions extends ChannelOptions {
  /** Added to the mean square; default 1e-8, the paper's. */
  readonly epsilon?: number;
}

/** Divides the channels of every position by their root mean square. No parameters. */
export class PixelNorm extends Module {
  private readonly options: PixelNormOptions;

  constructor(options: PixelNormOptions = {}) {
    super();
    refuseForeign('pixelNorm', options);
    checkEpsilon('pixelNorm', options.epsilon ?? 0);
    this.options = options;
  }

  override describe(): string {
    return 'pixelNorm';
  }

  forward(x: Tensor): Tensor {
    const { axis, epsilon = 1e-8 } = this.options;
    return rmsNormalize(x, channelAxis('pixelNorm', x, axis), { epsilon });
  }
}

/** A pixel normalization layer, for the generator of a GAN. @throws E101; E312 at the first input without that axis */
export function pixelNorm(options?: PixelNormOptions): PixelNorm {
  return new PixelNorm(options);
}

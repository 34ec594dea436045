/** Global response normalization (Woo et al. 2023, "ConvNeXt V2", arXiv 2301.00808, section 3). */
import type { Tensor } from '../../tensor/index.ts';
import { counted, maskOver } from './mask.ts';
import { checkEpsilon } from './option-checks.ts';
import { channelAxis, PerSampleNorm, spatialAxes } from './per-sample.ts';
import type { ChannelOptions, MaskCall } from './per-sample.ts';
import type { ModuleOptions } from '../module.ts';

/** The smallest power whose root is taken: the gradient of a root at 0 is infinite. */
const FLOOR = 1e-30;

/** What global response normalization computes. */
export interface GlobalResponseNormOptions extends ChannelOptions, ModuleOptions {
  /** Added to the mean length that lengths are divided by; default 1e-6. */
  readonly epsilon?: number;
}

/**
 * x + scale * x * n + shift, where n is a channel's length over all positions divided by the mean length of the sample's channels.
 * Scale and shift start at 0: a new layer changes nothing.
 */
export class GlobalResponseNorm extends PerSampleNorm {
  private readonly options: GlobalResponseNormOptions;

  constructor(options: GlobalResponseNormOptions = {}) {
    super('globalResponseNorm', { ...options, initialScale: 0 });
    checkEpsilon(this.op, options.epsilon ?? 0);
    this.options = options;
  }

  protected override setup(x: Tensor): void {
    this.affine([x.shape[channelAxis(this.op, x, this.options.axis)]]);
  }

  forward(x: Tensor, { mask }: MaskCall = {}): Tensor {
    const { epsilon = 1e-6 } = this.options;
    const axis = channelAxis(this.op, x, this.options.axis);
    const { scale, shift } = this.perChannel(x, axis);
    const length = counted(x, mask && maskOver(this.op, x, axis, mask)).square().sum(spatialAxes(x, axis), { keepDims: true }).maximum(FLOOR).sqrt();
    const response = length.div(length.mean(axis, { keepDims: true }).add(epsilon));
    return x.mul(response.mul(scale!).add(1)).add(shift!);
  }
}

/**
 * A global response normalization layer: channels compete, inside the wide part of a ConvNeXt block.
 * @throws E101; E310 for an input of another number of channels; E312 for an axis that cannot be; E313 for a mask
 */
export function globalResponseNorm(options?: GlobalResponseNormOptions): GlobalResponseNorm {
  return new GlobalResponseNorm(options);
}

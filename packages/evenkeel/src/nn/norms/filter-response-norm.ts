/** Filter response normalization (Singh & Krishnan 2020, arXiv 1911.09737, eqs. 1 to 5). */
import { maximum } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { maskOver, meanSquare } from './mask.ts';
import { checkEpsilon } from './option-checks.ts';
import { applyAffine, channelAxis, perChannel, PerSampleNorm, positionsOf, spatialAxes } from './per-sample.ts';
import type { AffineOptions, ChannelOptions, MaskCall } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';

/** First value of a learned epsilon, the paper's for layers of one position. */
const LEARNED = 1e-4;

/** What filter response normalization computes and learns. */
export interface FilterResponseNormOptions extends Omit<AffineOptions, 'activation'>, ChannelOptions {
  /** Added to the mean square; default 1e-6, the paper's. timm uses 1e-5. */
  readonly epsilon?: number;
  /** Learn more of it, |e| from 1e-4; needed where a channel has one position. Default false. */
  readonly learnEpsilon?: boolean;
  /** Finish with max(y, threshold), learned for each channel from 0 (the TLU); default true. */
  readonly threshold?: boolean;
}

/** x / sqrt(mean square over the positions + epsilon) for each channel of each sample, then scale, shift and a learned threshold. */
export class FilterResponseNorm extends PerSampleNorm {
  threshold: Param | undefined;
  learnedEpsilon: Param | undefined;
  private readonly options: FilterResponseNormOptions;
  private readonly epsilon: number;

  constructor(options: FilterResponseNormOptions = {}) {
    super('filterResponseNorm', options);
    this.options = options;
    this.epsilon = checkEpsilon('filterResponseNorm', options.epsilon ?? 1e-6);
  }

  protected override setup(x: Tensor): void {
    const channels = x.shape[channelAxis(this.op, x, this.options.axis)];
    this.affine([channels]);
    if (this.options.threshold ?? true) this.threshold = this.filled('threshold', [channels], 0);
    if (this.options.learnEpsilon) this.learnedEpsilon = this.filled('learnedEpsilon', [], LEARNED);
  }

  forward(x: Tensor, { mask }: MaskCall = {}): Tensor {
    const axis = channelAxis(this.op, x, this.options.axis);
    const { scale, shift } = this.perChannel(x, axis);
    if (!this.learnedEpsilon && positionsOf(x, axis) === 1) throw sampleFaults.oneElement(this.op, x.shape, 'a channel of a sample', 'write { learnEpsilon: true }, which the paper has for this');
    const power = meanSquare(x, spatialAxes(x, axis), mask && maskOver(this.op, x, axis, mask)).add(this.epsilon);
    const rms = (this.learnedEpsilon ? power.add(this.learnedEpsilon.value.abs()) : power).rsqrt();
    const y = applyAffine(x, { scale: scale ? rms.mul(scale) : rms, shift });
    return this.threshold ? maximum(y, perChannel(this.op, x, axis, this.threshold)) : y;
  }
}

/**
 * A filter response normalization layer with its activation, for convolutional networks in any batch; warm the rate up.
 * @throws E101; at the first input that does not fit E310 (channels), E312 (axis), E332 (one position without learnEpsilon); E313 for a mask
 */
export function filterResponseNorm(options?: FilterResponseNormOptions): FilterResponseNorm {
  return new FilterResponseNorm(options);
}

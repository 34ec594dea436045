/** EvoNorm-S0 (Liu et al. 2020, arXiv 2004.02967, table 2): normalization and activation in one, of each sample by itself. */
import type { Param, Tensor } from '../../tensor/index.ts';
import { checkGroups, checkGroupSize, groupsOf } from './group-norm.ts';
import type { GroupSizes } from './group-norm.ts';
import { groupStatistics } from './group-statistics.ts';
import { maskOver } from './mask.ts';
import { checkEpsilon } from './option-checks.ts';
import { applyAffine, channelAxis, perChannel, PerSampleNorm } from './per-sample.ts';
import type { AffineOptions, ChannelOptions, MaskCall } from './per-sample.ts';

/** What EvoNorm-S0 computes and learns; groups default 32. */
export interface EvoNormS0Options extends Omit<AffineOptions, 'activation'>, ChannelOptions, GroupSizes {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
}

/** x * sigmoid(gate * x) / the group's deviation, then scale and shift; gate is learned for each channel from 1. No activation follows. */
export class EvoNormS0 extends PerSampleNorm {
  gate!: Param;
  private readonly options: EvoNormS0Options;
  private readonly epsilon: number;

  constructor(options: EvoNormS0Options = {}) {
    super('evoNormS0', options);
    checkGroups('evoNormS0', options);
    this.options = options;
    this.epsilon = checkEpsilon('evoNormS0', options.epsilon ?? 1e-5);
  }

  protected override setup(x: Tensor): void {
    const channels = x.shape[channelAxis(this.op, x, this.options.axis)];
    groupsOf(this.op, channels, this.options);
    this.affine([channels]);
    this.gate = this.filled('gate', [channels], 1);
  }

  forward(x: Tensor, call: MaskCall = {}): Tensor {
    const axis = channelAxis(this.op, x, this.options.axis);
    const { scale, shift } = this.perChannel(x, axis);
    const groups = groupsOf(this.op, x.shape[axis], this.options);
    checkGroupSize(this.op, x, axis, groups);
    const { variance } = groupStatistics(x, { axis, groups, mask: call.mask && maskOver(this.op, x, axis, call.mask) });
    const rstd = variance.add(this.epsilon).rsqrt();
    const gated = x.mul(x.mul(perChannel(this.op, x, axis, this.gate)).sigmoid());
    return applyAffine(gated, { scale: scale ? rstd.mul(scale) : rstd, shift });
  }
}

/**
 * An EvoNorm-S0 layer, in place of normalization and ReLU in convolutional networks in small batches.
 * @throws E101; at the first input that does not fit E310 (channels), E312 (axis), E331 (groups), E332 (one value); E313 for a mask
 */
export function evoNormS0(options?: EvoNormS0Options): EvoNormS0 {
  return new EvoNormS0(options);
}

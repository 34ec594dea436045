/** The thresholded linear unit (Singh & Krishnan 2020, arXiv 1911.09737, section 3.2). */
import { maximum } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { Param } from '../../tensor/index.ts';
import { channelAxis, perChannel, PerSampleNorm } from './per-sample.ts';
import type { ChannelOptions } from './per-sample.ts';

/** Which channels have thresholds. */
export type ThresholdedLinearUnitOptions = ChannelOptions;

/** max(x, threshold), one learned threshold for each channel; 0 at first, which is ReLU. */
export class ThresholdedLinearUnit extends PerSampleNorm {
  threshold!: Param;
  private readonly axis: number | undefined;

  constructor(options: ThresholdedLinearUnitOptions = {}) {
    super('thresholdedLinearUnit', {});
    this.axis = options.axis;
  }

  protected override setup(x: Tensor): void {
    this.threshold = this.filled('threshold', [x.shape[channelAxis(this.op, x, this.axis)]], 0);
  }

  forward(x: Tensor): Tensor {
    return maximum(x, perChannel(this.op, x, channelAxis(this.op, x, this.axis), this.threshold));
  }
}

/** The activation that belongs to filter response normalization. @throws E310 for another number of channels; E312 for an axis that cannot be */
export function thresholdedLinearUnit(options?: ThresholdedLinearUnitOptions): ThresholdedLinearUnit {
  return new ThresholdedLinearUnit(options);
}

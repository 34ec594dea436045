/** Dynamic tanh (Zhu et al. 2025, "Transformers without normalization", arXiv 2503.10622, eq. 4). */
import { tanh } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { faults } from './faults.ts';
import { applyAffine, channelAxis, PerSampleNorm } from './per-sample.ts';
import type { AffineOptions, ChannelOptions } from './per-sample.ts';

/** What dynamic tanh learns. */
export interface DynamicTanhOptions extends AffineOptions, ChannelOptions {
  /** First value of the one factor inside; default 0.5. Language models want less the wider they are (the paper's table 12). */
  readonly slope?: number;
}

/** tanh(slope * x), then a factor and offset for each channel. Nothing is reduced: the cheapest of all. */
export class DynamicTanh extends PerSampleNorm {
  slope!: Param;
  private readonly options: DynamicTanhOptions;

  constructor(options: DynamicTanhOptions = {}) {
    super('dynamicTanh', options);
    const { slope = 0.5 } = options;
    if (!Number.isFinite(slope) || slope === 0) throw faults.option(this.op, 'slope', 'must be a number other than 0', slope, 'the paper starts at slope: 0.5');
    this.options = options;
  }

  protected override setup(x: Tensor): void {
    this.slope = this.filled('slope', [], this.options.slope ?? 0.5);
    this.affine([x.shape[channelAxis(this.op, x, this.options.axis)]]);
  }

  forward(x: Tensor): Tensor {
    const affine = this.perChannel(x, channelAxis(this.op, x, this.options.axis));
    return this.activate(applyAffine(tanh(x.mul(this.slope)), affine));
  }
}

/**
 * A dynamic tanh layer, in place of layer normalization in transformers; not for convolutional networks.
 * @throws E101 for a slope of 0; E310 for an input of another number of channels; E312 for an axis that cannot be
 */
export function dynamicTanh(options?: DynamicTanhOptions): DynamicTanh {
  return new DynamicTanh(options);
}

/** Batch normalization with auxiliary layers for parts of the batch (AdvProp). */
import { currentTrace } from '../../runtime/index.ts';
import { concat } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { count } from './count.ts';
import { BatchNorm } from './batch-norm.ts';
import { batchFaults } from './batch-faults.ts';
import { Normalization } from './normalization.ts';
import type { NormalizationCall } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { rows, rowsLike } from './rows.ts';

/** How a training batch is split. */
export interface SplitBatchNormOptions extends NormalizationOptions {
  /** Equal parts of a training batch; must divide it. Default 2: clean samples, then as many adversarial ones. */
  readonly splits?: number;
}

/**
 * In training the first part of the batch goes through this layer and each further one through an auxiliary layer with affine part
 * and statistics of its own; in evaluation everything goes through this one (Xie et al. 2020, arXiv 1911.09665; timm's
 * SplitBatchNorm2d). For batches of clean samples followed by adversarial or strongly augmented ones, whose statistics should not
 * mix. Its own state has the names of batchNorm's, so a model of plain layers can load it without the auxiliary ones.
 */
export class SplitBatchNorm extends Normalization {
  readonly auxiliary: readonly BatchNorm[];

  constructor({ splits = 2, ...options }: SplitBatchNormOptions = {}) {
    super('splitBatchNorm', options);
    const further = count(this.op, 'splits', splits) - 1;
    this.auxiliary = Array.from({ length: further }, () => new BatchNorm(options));
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    for (const layer of this.auxiliary) layer.build(x.shape.slice(1));
  }

  override forward(x: Tensor, call: NormalizationCall = {}): Tensor {
    if (currentTrace().mode !== 'train' || x.shape[0] === 0) return super.forward(x, call);
    const splits = this.auxiliary.length + 1;
    const size = x.shape[0] / splits;
    if (!Number.isInteger(size) || size < 1) throw batchFaults.parts(this.op, 'samples', 'splits', x.shape[0], splits);
    const outputs = Array.from({ length: splits }, (_, i) => {
      const [from, to] = [i * size, (i + 1) * size];
      const like = (t: Tensor | undefined): Tensor | undefined => {
        const aligned = t && t.rank === x.rank - 1 && t === call.mask && t.shape[0] === x.shape[0];
        return aligned ? rows(t, from, to) : rowsLike(t, x, from, to);
      };
      const part = { ...call, mask: like(call.mask), scale: like(call.scale), shift: like(call.shift) };
      return i === 0 ? super.forward(rows(x, from, to), part) : this.auxiliary[i - 1].forward(rows(x, from, to), part);
    });
    return concat(outputs, 0);
  }
}

/** A batch normalization layer with auxiliary ones. @throws E316 if splits does not divide a training batch, and what batchNorm throws */
export function splitBatchNorm(options?: SplitBatchNormOptions): SplitBatchNorm {
  return new SplitBatchNorm(options);
}

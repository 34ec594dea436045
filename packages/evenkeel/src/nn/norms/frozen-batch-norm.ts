/** Batch normalization that never changes. */
import { Normalization } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';

/** What frozen batch normalization computes; nothing in it moves. */
export type FrozenBatchNormOptions = Omit<NormalizationOptions, 'statistics' | 'evaluation' | 'update' | 'trainAffine'>;

/**
 * (x - runningMean) * scale / sqrt(runningVariance + epsilon) + shift in training and evaluation alike: nothing of it trains or
 * moves, unfreeze() included (detectron2's FrozenBatchNorm2d). For fine-tuning with one or two images at a time: load the weights of
 * a trained batchNorm, which have the same names, with that layer's epsilon. Until then it is the identity.
 */
export class FrozenBatchNorm extends Normalization {
  constructor(options: FrozenBatchNormOptions = {}) {
    super('frozenBatchNorm', { ...options, statistics: 'running', evaluation: 'running', update: false, trainAffine: false });
  }

  protected override firstVariance(): number {
    return 1 - this.settings.epsilon;
  }
}

/** A batch normalization layer that never changes. @throws what batchNorm throws but E311 */
export function frozenBatchNorm(options?: FrozenBatchNormOptions): FrozenBatchNorm {
  return new FrozenBatchNorm(options);
}

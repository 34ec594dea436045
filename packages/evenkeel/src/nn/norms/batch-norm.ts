/** Batch normalization (Ioffe & Szegedy 2015). */
import { Normalization } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';

/** What batch normalization computes, learns and remembers; the defaults are PyTorch's. */
export type BatchNormOptions = NormalizationOptions;

/**
 * Normalizes each channel over the batch and all other axes, for any rank from 2 and any channel axis.
 * In training by the batch's mean and population variance; the running variance takes the unbiased one, as PyTorch's. After
 * freeze() it uses the running statistics in training too, and keeps them. The running statistics move with the compiled step or not
 * at all: not if it fails, and not if one of the batch's statistics is not finite (one warning for each layer). Outside of compiled
 * steps every call is a step of its own, without the warning.
 */
export class BatchNorm extends Normalization {
  constructor(options: BatchNormOptions & { readonly ranks?: readonly number[] } = {}, op = 'batchNorm') {
    super(op, options);
  }
}

/**
 * A batch normalization layer.
 * @throws E101 for options out of range; E310 for an input of another number of channels; E311 in training with one value per
 * channel; E312 for an axis that cannot be; E313 for a mask that does not fit; E314 for a key the layer does not have
 */
export function batchNorm(options?: BatchNormOptions): BatchNorm {
  return new BatchNorm(options);
}

/** Batch normalization of [N, C] or [N, L, C]. @throws E300 for another rank, and what batchNorm throws */
export function batchNorm1d(options?: BatchNormOptions): BatchNorm {
  return new BatchNorm({ ...options, ranks: [2, 3] }, 'batchNorm1d');
}

/** Batch normalization of images [N, H, W, C]. @throws E300 for another rank, and what batchNorm throws */
export function batchNorm2d(options?: BatchNormOptions): BatchNorm {
  return new BatchNorm({ ...options, ranks: [4] }, 'batchNorm2d');
}

/** Batch normalization of volumes [N, D, H, W, C]. @throws E300 for another rank, and what batchNorm throws */
export function batchNorm3d(options?: BatchNormOptions): BatchNorm {
  return new BatchNorm({ ...options, ranks: [5] }, 'batchNorm3d');
}

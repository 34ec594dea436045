/** What other frameworks mean by batch normalization, in evenkeel's words. */

/** Which variance goes into the running average; the output is always normalized by the population variance. */
export type Estimator = 'unbiased' | 'population';

/** How running statistics are averaged. */
export interface Averaging {
  /** Weight of the old value in the running averages, 0 .. 1. */
  readonly decay: number;
  /** Added to the variance under the root. */
  readonly epsilon: number;
  /** m2 / (count - 1) or m2 / count. */
  readonly estimator: Estimator;
  /** Divide by the weights so far, so that the first values 0 and 1 never count (as Adam's bias correction). */
  readonly debias: boolean;
}

/**
 * Presets, by framework (read in their sources):
 * - `torch`: PyTorch 1.13 `BatchNorm*d`; its momentum 0.1 is the weight of the new value.
 * - `keras`: Keras 3 and TensorFlow.js; momentum 0.99 is the weight of the old value, the running variance is biased.
 * - `tfFused`: tf.keras 2 on images, where the fused kernel takes the unbiased variance (tensorflow#55545).
 * - `caffe`: sums divided by the sum of their weights, which is a debiased average.
 * - `onnx`: BatchNormalization-15, population variance by its specification.
 * - `flax`: linen and nnx.
 */
export const dialects = {
  torch: { decay: 0.9, epsilon: 1e-5, estimator: 'unbiased', debias: false },
  keras: { decay: 0.99, epsilon: 1e-3, estimator: 'population', debias: false },
  tfFused: { decay: 0.99, epsilon: 1e-3, estimator: 'unbiased', debias: false },
  caffe: { decay: 0.999, epsilon: 1e-5, estimator: 'unbiased', debias: true },
  onnx: { decay: 0.9, epsilon: 1e-5, estimator: 'population', debias: false },
  flax: { decay: 0.99, epsilon: 1e-5, estimator: 'population', debias: false },
} as const satisfies Readonly<Record<string, Averaging>>;

/** A framework whose defaults a layer may take. */
export type Dialect = keyof typeof dialects;

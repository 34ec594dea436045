/** Layer normalization (Ba, Kiros & Hinton 2016, arXiv 1607.06450). */
import { standardize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { FeatureNorm } from './feature-norm.ts';
import type { FeatureOptions } from './feature-norm.ts';

/** Epsilon of each framework's layer normalization. */
const EPSILON = { torch: 1e-5, keras: 1e-3, tfFused: 1e-3, onnx: 1e-5, flax: 1e-6 } as const;

/** What layer normalization computes and learns. Scale and center learn one value for each element of the normalized axes. */
export interface LayerNormOptions extends FeatureOptions {
  /** Added to the variance; default 1e-5, or the dialect's. */
  readonly epsilon?: number;
  /** Whose epsilon: torch (default) and onnx 1e-5, keras and tfFused 1e-3, flax 1e-6. */
  readonly dialect?: keyof typeof EPSILON;
}

/** Standardizes each sample over `axes`, then scales and shifts each element of them. */
export class LayerNorm extends FeatureNorm {
  constructor(options: LayerNormOptions = {}) {
    super('layerNorm', options, EPSILON);
  }

  forward(x: Tensor): Tensor {
    const { axes, ...affine } = this.featuresOf(x);
    return this.activate(standardize(x, axes, { epsilon: this.epsilon, ...affine }).y);
  }
}

/**
 * A layer normalization layer, for sequences, transformers, reinforcement learning and batches of one.
 * @throws E101 for options out of range; at the first input that does not fit E330 (features), E332 (one value), E333 (axes)
 */
export function layerNorm(options?: LayerNormOptions): LayerNorm {
  return new LayerNorm(options);
}

/** Root-mean-square normalization (Zhang & Sennrich 2019, arXiv 1910.07467, eq. 4). */
import { rmsNormalize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { FeatureNorm } from './feature-norm.ts';
import type { FeatureOptions } from './feature-norm.ts';
import { refuseForeign } from './option-checks.ts';

/** Epsilon of each framework's RMS normalization; PyTorch's is the distance from 1 to the next f32. */
const EPSILON = { torch: 2 ** -23, keras: 1e-6, onnx: 1e-5, flax: 1e-6 } as const;

/** What RMS normalization computes and learns: one factor for each element of the normalized axes, and no offset. */
export interface RmsNormOptions extends Omit<FeatureOptions, 'center'> {
  /** Added to the mean square, inside the root; default 2^-23, or the dialect's. */
  readonly epsilon?: number;
  /** Whose epsilon: torch (default) 2^-23, keras and flax 1e-6, onnx 1e-5. */
  readonly dialect?: keyof typeof EPSILON;
}

/** Divides each sample by its root mean square over `axes`, then scales each element of them. */
export class RmsNorm extends FeatureNorm {
  constructor(options: RmsNormOptions = {}) {
    if ((options as FeatureOptions).center) refuseForeign('rmsNorm', options, { center: 'use layerNorm for a layer with offsets' });
    super('rmsNorm', { ...options, center: false }, EPSILON);
  }

  forward(x: Tensor): Tensor {
    const { axes, scale } = this.featuresOf(x);
    return this.activate(rmsNormalize(x, axes, { epsilon: this.epsilon, scale }));
  }
}

/**
 * An RMS normalization layer: layer normalization without the mean, as most language models have it.
 * @throws E101 for options out of range; at the first input that does not fit E330 (features), E332 (one value), E333 (axes)
 */
export function rmsNorm(options?: RmsNormOptions): RmsNorm {
  return new RmsNorm(options);
}

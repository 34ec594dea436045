/** Root-mean-square normalization (Zhang & Sennrich 2019, arXiv 1910.07467, eq. 4). */
import { rmsNormalize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { checkFeatures, sampleAxes } from './layer-norm.ts';
import { checkEpsilon, refuseAxis } from './option-checks.ts';
import { PerSampleNorm, presetOf } from './per-sample.ts';
import type { AffineOptions } from './per-sample.ts';

/** Epsilon of each framework's RMS normalization; PyTorch's is the distance from 1 to the next f32. */
const EPSILON = { torch: 2 ** -23, keras: 1e-6, onnx: 1e-5, flax: 1e-6 } as const;

/** What RMS normalization computes and learns: one factor for each element of the normalized axes, and no offset. */
export interface RmsNormOptions extends Omit<AffineOptions, 'center'> {
  /** The axes whose power is taken together, and that the scale has; default -1, the last. Never the first, the batch. */
  readonly axes?: number | readonly number[];
  /** Added to the mean square, inside the root; default 2^-23, or the dialect's. */
  readonly epsilon?: number;
  /** Whose epsilon: torch (default) 2^-23, keras and flax 1e-6, onnx 1e-5. */
  readonly dialect?: keyof typeof EPSILON;
}

/** Divides each sample by its root mean square over `axes`, then scales each element of them. */
export class RmsNorm extends PerSampleNorm {
  private readonly options: RmsNormOptions;
  private readonly epsilon: number;

  constructor(options: RmsNormOptions = {}) {
    super('rmsNorm', { ...options, center: false });
    refuseAxis(this.op, options);
    this.options = options;
    this.epsilon = checkEpsilon(this.op, options.epsilon ?? presetOf(this.op, EPSILON, options.dialect));
  }

  protected override setup(x: Tensor): void {
    this.affine(sampleAxes(this.op, x, this.options.axes).map((axis) => x.shape[axis]));
  }

  forward(x: Tensor): Tensor {
    const axes = sampleAxes(this.op, x, this.options.axes);
    checkFeatures(this.op, x, axes, this.scale?.shape);
    const scale = this.scale?.value.reshape(x.shape.map((extent, i) => (axes.includes(i) ? extent : 1)));
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

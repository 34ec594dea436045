/** Layer normalization (Ba, Kiros & Hinton 2016, arXiv 1607.06450). */
import { resolveAxis } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { standardize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { checkTensor } from '../check-tensor.ts';
import { checkEpsilon, refuseAxis } from './option-checks.ts';
import { PerSampleNorm, presetOf } from './per-sample.ts';
import type { AffineOptions } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';

/** Epsilon of each framework's layer normalization. */
const EPSILON = { torch: 1e-5, keras: 1e-3, tfFused: 1e-3, onnx: 1e-5, flax: 1e-6 } as const;

/** What layer normalization computes and learns. Scale and center learn one value for each element of the normalized axes. */
export interface LayerNormOptions extends AffineOptions {
  /** The axes that are normalized together, and that the affine part has; default -1, the last. Never the first, the batch. */
  readonly axes?: number | readonly number[];
  /** Added to the variance; default 1e-5, or the dialect's. */
  readonly epsilon?: number;
  /** Whose epsilon: torch (default) and onnx 1e-5, keras and tfFused 1e-3, flax 1e-6. */
  readonly dialect?: keyof typeof EPSILON;
}

/** Standardizes each sample over `axes`, then scales and shifts each element of them. */
export class LayerNorm extends PerSampleNorm {
  private readonly options: LayerNormOptions;
  private readonly epsilon: number;

  constructor(options: LayerNormOptions = {}) {
    super('layerNorm', options);
    refuseAxis(this.op, options);
    this.options = options;
    this.epsilon = checkEpsilon(this.op, options.epsilon ?? presetOf(this.op, EPSILON, options.dialect));
  }

  protected override setup(x: Tensor): void {
    this.affine(sampleAxes(this.op, x, this.options.axes).map((axis) => x.shape[axis]));
  }

  forward(x: Tensor): Tensor {
    const axes = sampleAxes(this.op, x, this.options.axes);
    checkFeatures(this.op, x, axes, (this.scale ?? this.shift)?.shape);
    const shape = x.shape.map((extent, i) => (axes.includes(i) ? extent : 1));
    const affine = { scale: this.scale?.value.reshape(shape), shift: this.shift?.value.reshape(shape) };
    return this.activate(standardize(x, axes, { epsilon: this.epsilon, ...affine }).y);
  }
}

/** Axes counted from the front, ascending. @throws E333 unless they are different axes behind the first; E305 */
export function sampleAxes(op: string, x: Tensor, axes: number | readonly number[] = -1): number[] {
  checkTensor(op, 'input', x);
  const given = typeof axes === 'number' ? [axes] : axes;
  const list = given.map((axis) => resolveAxis(axis, x.rank) ?? 0);
  if (list.length === 0 || list.includes(0) || new Set(list).size < list.length) throw sampleFaults.axes(op, x.shape, given);
  return list.sort((a, b) => a - b);
}

/** @throws E330 for other features than the affine part has; E332 for a single one */
export function checkFeatures(op: string, x: Tensor, axes: readonly number[], features: Shape | undefined): void {
  if (features && axes.some((axis, i) => x.shape[axis] !== features[i])) throw sampleFaults.features(op, x.shape, axes, features);
  if (axes.every((axis) => x.shape[axis] === 1)) {
    throw sampleFaults.oneElement(op, x.shape, 'what is normalized together', 'normalize more axes together, or leave the layer out');
  }
}

/**
 * A layer normalization layer, for sequences, transformers, reinforcement learning and batches of one.
 * @throws E101 for options out of range; at the first input that does not fit E330 (features), E332 (one value), E333 (axes)
 */
export function layerNorm(options?: LayerNormOptions): LayerNorm {
  return new LayerNorm(options);
}

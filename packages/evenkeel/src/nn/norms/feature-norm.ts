/** What layers share that normalize the last axes of each sample together, or other axes, with one factor for each element of them. */
import { resolveAxis } from '../../base/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { checkTensor } from '../check-tensor.ts';
import { checkEpsilon, refuseAxis } from './option-checks.ts';
import { PerSampleNorm, presetOf } from './per-sample.ts';
import type { AffineOptions } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';

/** Which axes, and what is added under the root. */
export interface FeatureOptions extends AffineOptions {
  /** The axes that are normalized together, and that the affine part has; default -1, the last. Never the first, the batch. */
  readonly axes?: number | readonly number[];
  readonly epsilon?: number;
  readonly dialect?: string;
}

/** The axes of one input, and the affine part as it broadcasts to it. */
export interface Features {
  readonly axes: readonly number[];
  readonly scale: Tensor | undefined;
  readonly shift: Tensor | undefined;
}

/** A layer that normalizes some axes of each sample. */
export abstract class FeatureNorm extends PerSampleNorm {
  protected readonly epsilon: number;
  private readonly axes: number | readonly number[] | undefined;

  /** @param presets epsilon by framework. @throws E101 for options that cannot be */
  constructor(op: string, options: FeatureOptions, presets: Readonly<Record<string, number>>) {
    super(op, options);
    refuseAxis(op, options);
    this.axes = options.axes;
    this.epsilon = checkEpsilon(op, options.epsilon ?? presetOf(op, presets, options.dialect));
  }

  protected override setup(x: Tensor): void {
    this.affine(sampleAxes(this.op, x, this.axes).map((axis) => x.shape[axis]));
  }

  /** @throws E330 for other features than the affine part has; E332 for a single one; E333 */
  protected featuresOf(x: Tensor): Features {
    const axes = sampleAxes(this.op, x, this.axes);
    const features = (this.scale ?? this.shift)?.shape;
    if (features && axes.some((axis, i) => x.shape[axis] !== features[i])) throw sampleFaults.features(this.op, x.shape, axes, features);
    if (axes.every((axis) => x.shape[axis] === 1)) {
      throw sampleFaults.oneElement(this.op, x.shape, 'what is normalized together', 'normalize more axes together, or leave the layer out');
    }
    const shape = x.shape.map((extent, i) => (axes.includes(i) ? extent : 1));
    return { axes, scale: this.scale?.value.reshape(shape), shift: this.shift?.value.reshape(shape) };
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

/** Vectors of length 1. */
import { unitNormalize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { Module } from '../module.ts';
import { faults } from './faults.ts';
import { sampleAxes } from './feature-norm.ts';
import { refuseAxis, refuseForeign } from './option-checks.ts';

/** Which vectors, and which length. */
export interface UnitNormOptions {
  /** The axes that make up one vector; default -1, the last. Never the first, the batch. */
  readonly axes?: number | readonly number[];
  /** 2 for the Euclidean length (default), 1 for the sum of magnitudes (ONNX's LpNormalization has both). */
  readonly order?: 1 | 2;
  /** Lengths below it count as it, so that a zero vector stays zero; default 1e-12, as in PyTorch and Keras. */
  readonly epsilon?: number;
}

/** x / max(length of x, epsilon), the length over `axes`. No parameters. */
export class UnitNorm extends Module {
  private readonly options: UnitNormOptions;

  constructor(options: UnitNormOptions = {}) {
    super();
    refuseForeign('unitNorm', options);
    refuseAxis('unitNorm', options);
    const { order = 2, epsilon = 1e-12 } = options;
    if (order !== 1 && order !== 2) throw faults.option('unitNorm', 'order', 'must be 1 or 2', order, 'for the Euclidean length write order: 2');
    if (!(Number.isFinite(epsilon) && epsilon >= 1e-18)) throw faults.option('unitNorm', 'epsilon', 'must be at least 1e-18, for its square is held in f32', epsilon, 'leave it at 1e-12');
    this.options = options;
  }

  override describe(): string {
    return this.options.order === 1 ? 'unitNorm, order 1' : 'unitNorm';
  }

  forward(x: Tensor): Tensor {
    return unitNormalize(x, sampleAxes('unitNorm', x, this.options.axes), this.options);
  }
}

/** A layer that gives every vector the length 1, for embeddings that are compared by their angle. @throws E101; E333 at the first input without these axes */
export function unitNorm(options?: UnitNormOptions): UnitNorm {
  return new UnitNorm(options);
}

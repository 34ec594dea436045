/** Gradient clipping: by the norm of all gradients together, or unit by unit by that of the weights. */
import { div, unitNorms, where } from '../tensor/index.ts';
import type { Param, Tensor } from '../tensor/index.ts';

/** Scales the gradients by norm / (their norm + 1e-6) where that is below 1, as PyTorch's clip_grad_norm_. */
export function clipByNorm(gradients: readonly Tensor[], norm: number): readonly Tensor[] {
  const squares = gradients.map((g) => g.square().sum()).reduce((a, b) => a.add(b));
  const factor = div(norm, squares.sqrt().add(1e-6)).minimum(1);
  return gradients.map((g) => g.mul(factor));
}

/** Adaptive gradient clipping. */
export interface AdaptiveClip {
  /** Largest length of a unit's gradient, as a share of the length of its weights; 0.01 in the paper. */
  readonly ratio: number;
  /** Shortest length that a unit's weights count with, so that zeros can grow; default 1e-3. */
  readonly epsilon?: number;
  /** Parameters that are not clipped. The authors leave out the last linear layer. */
  readonly except?: readonly Param[];
}

/**
 * Scales the gradient of each unit (what one output depends on: all axes but the last; vectors and scalars whole) to at most
 * ratio * max(||w||, epsilon) (Brock et al. 2021, arXiv 2102.06171, eq. 3). As timm's; the authors' code takes a matrix of one row whole too.
 */
export function clipAdaptively(gradients: readonly Tensor[], params: readonly Param[], { ratio, epsilon = 1e-3, except = [] }: AdaptiveClip): readonly Tensor[] {
  return gradients.map((g, i) => {
    const param = params[i];
    if (except.includes(param)) return g;
    const axis = g.rank > 1 ? -1 : 'all';
    const longest = unitNorms(param, { axis }).maximum(epsilon).mul(ratio);
    const length = unitNorms(g, { axis });
    return g.mul(where(length.lt(longest), 1, longest.div(length.maximum(1e-6))));
  });
}

/** Gradient clipping by the norm of all gradients together. */
import { div } from '../tensor/index.ts';
import type { Tensor } from '../tensor/index.ts';

/** Scales the gradients by norm / (their norm + 1e-6) where that is below 1, as PyTorch's clip_grad_norm_. */
export function clipByNorm(gradients: readonly Tensor[], norm: number): readonly Tensor[] {
  const squares = gradients.map((g) => g.square().sum()).reduce((a, b) => a.add(b));
  const factor = div(norm, squares.sqrt().add(1e-6)).minimum(1);
  return gradients.map((g) => g.mul(factor));
}

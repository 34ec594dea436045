/** Samples of a batch, and of what is given with it. */
import type { Tensor } from '../../tensor/index.ts';

/** Samples from .. to - 1. */
export function rows<T extends Tensor | undefined>(x: T, from: number, to: number): T {
  return x && x.slice(x.shape.map((_, axis) => (axis === 0 ? from : 0)), x.shape.with(0, to)) as T;
}

/** The same of something that broadcasts to `x`; where all samples share it, it stays. */
export function rowsLike<T extends Tensor | undefined>(companion: T, x: Tensor, from: number, to: number): T {
  return companion && companion.rank === x.rank && companion.shape[0] === x.shape[0] ? rows(companion, from, to) : companion;
}

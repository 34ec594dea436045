/** Masks over positions. */
import { sameShape } from '../../base/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { faults } from './faults.ts';

/**
 * A mask in the rank of x, with 1 on the channel axis. @param mask the shape of x without channels, or with 1 there; other axes may be 1
 * @throws E313 for a mask that does not lie over x
 */
export function maskOver(op: string, x: Tensor, axis: number, mask: Tensor): Tensor {
  const full = mask.rank === x.rank ? mask.shape : mask.rank === x.rank - 1 ? mask.shape.toSpliced(axis, 0, 1) : undefined;
  const fits = full?.every((extent, i) => extent === 1 || (i !== axis && extent === x.shape[i]));
  if (!full || !fits) throw faults.mask(op, x.shape, mask.shape, x.shape.toSpliced(axis, 1));
  return sameShape(full, mask.shape) ? mask : mask.reshape(full);
}

/** Masks over positions. */
import { sameShape } from '../../base/index.ts';
import { where } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { checkTensor } from '../check-tensor.ts';
import { faults } from './faults.ts';

/**
 * A mask in the rank of x, with 1 on the channel axis. @param mask the shape of x without channels, or with 1 there; other axes may be 1
 * @throws E313 for a mask that does not lie over x
 */
export function maskOver(op: string, x: Tensor, axis: number, mask: Tensor): Tensor {
  checkTensor(op, 'mask', mask);
  const full = mask.rank === x.rank ? mask.shape : mask.rank === x.rank - 1 ? mask.shape.toSpliced(axis, 0, 1) : undefined;
  const fits = full?.every((extent, i) => extent === 1 || (i !== axis && extent === x.shape[i]));
  if (!full || !fits) throw faults.mask(op, x.shape, mask.shape, x.shape.toSpliced(axis, 1));
  return sameShape(full, mask.shape) ? mask : mask.reshape(full);
}

/** A mask as bool. */
export function counting(mask: Tensor): Tensor {
  return mask.dtype === 'bool' ? mask : mask.ne(0);
}

/** x with 0 where the mask does not count, whatever stood there, NaN too. */
export function counted(x: Tensor, mask: Tensor | undefined): Tensor {
  return mask ? where(counting(mask).broadcastTo(x.shape), x, 0) : x;
}

/** The mean of squares over axes, which are kept as 1: of what counts; 0 where nothing does. @param mask in the rank of x */
export function meanSquare(x: Tensor, axes: readonly number[], mask: Tensor | undefined): Tensor {
  const positions = axes.reduce((n, i) => n * x.shape[i], 1);
  if (!mask) return x.square().sum(axes, { keepDims: true }).div(Math.max(positions, 1));
  const chosen = counting(mask).broadcastTo(x.shape.map((extent, i) => (axes.includes(i) ? extent : mask.shape[i])));
  return counted(x, mask).square().sum(axes, { keepDims: true }).div(chosen.cast('f32').sum(axes, { keepDims: true }).maximum(1));
}

/** Values of the last steps. */
import { arange, where } from '../../tensor/index.ts';
import type { Statistics, Tensor } from '../../tensor/index.ts';

/**
 * The values of a ring [slots, ...] with a row written at `steps` modulo slots (steps is a scalar that counts from 0). What is not
 * finite is not written: one bad batch would spoil all steps that see it.
 */
export function withRow(ring: Tensor, row: Tensor, steps: Tensor): Tensor {
  const [slots, ...rest] = ring.shape;
  const here = arange(slots).cast('f32').eq(steps.mod(slots)).reshape([slots, ...rest.map(() => 1)]);
  const finite = row.sub(row).eq(0).reshape([1, ...rest]);
  return where(here.and(finite), row.reshape([1, ...rest]), ring);
}

/** Steps so far, after one with these statistics: one in which no value counted was none, and the next writes its row over. */
export function afterStep(steps: Tensor, { count }: Statistics): Tensor {
  return typeof count === 'number' ? steps.add(Math.min(count, 1)) : steps.add(count.max().minimum(1));
}

/** What types forbid, but plain JavaScript does not. */
import { Ref, Tensor } from '../tensor/index.ts';
import { faults } from './faults.ts';

/** @param name what it is to the layer  @throws E305 for anything but a tensor, the missing input of a step for one */
export function checkTensor(op: string, name: string, x: unknown): void {
  if (!(x instanceof Tensor || x instanceof Ref)) throw faults.tensor(op, name, x);
}

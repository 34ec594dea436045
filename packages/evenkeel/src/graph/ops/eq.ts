import { ANY } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a = b, false if either is NaN. */
export const eq = binaryOp({
  name: 'eq',
  types: ANY,
  compares: true,
  lower: 'eq',
  reference: (a, b) => (a === b ? 1 : 0),
});

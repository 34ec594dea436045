import { ANY } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a < b, false if either is NaN. */
export const lt = binaryOp({
  name: 'lt',
  types: ANY,
  compares: true,
  lower: 'lt',
  reference: (a, b) => (a < b ? 1 : 0),
});

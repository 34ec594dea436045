import { ANY } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a <= b, false if either is NaN. */
export const le = binaryOp({
  name: 'le',
  types: ANY,
  compares: true,
  lower: 'le',
  reference: (a, b) => (a <= b ? 1 : 0),
});

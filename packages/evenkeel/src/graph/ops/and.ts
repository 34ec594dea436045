import { BITS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** Bitwise and; logical for bools. */
export const and = binaryOp({
  name: 'and',
  types: BITS,
  lower: 'and',
  reference: (a, b) => a & b,
});

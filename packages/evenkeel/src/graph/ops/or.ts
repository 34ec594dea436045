import { BITS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** Bitwise or; logical for bools. */
export const or = binaryOp({
  name: 'or',
  types: BITS,
  lower: 'or',
  reference: (a, b) => a | b,
});

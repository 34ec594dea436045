import { BITS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** Bitwise exclusive or; unequal for bools. */
export const xor = binaryOp({
  name: 'xor',
  types: BITS,
  lower: 'xor',
  reference: (a, b) => a ^ b,
});

import { binaryOp } from '../elementwise.ts';

/** a >>> (b mod 32) on u32: zeros come in from the left. */
export const shr = binaryOp({
  name: 'shr',
  types: ['u32'],
  lower: 'shr',
  reference: (a, b) => a >>> b,
});

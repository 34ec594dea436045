import { binaryOp } from '../elementwise.ts';

/** a << (b mod 32) on u32. */
export const shl = binaryOp({
  name: 'shl',
  types: ['u32'],
  lower: 'shl',
  reference: (a, b) => a << b,
});

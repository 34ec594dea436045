import { NUMBERS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a - b. */
export const sub = binaryOp({
  name: 'sub',
  types: NUMBERS,
  lower: 'sub',
  vjp: ({ g }, { neg }) => [g, neg(g)],
  reference: (a, b) => a - b,
});

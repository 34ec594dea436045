import { NUMBERS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a + b. */
export const add = binaryOp({
  name: 'add',
  types: NUMBERS,
  lower: 'add',
  vjp: ({ g }) => [g, g],
  reference: (a, b) => a + b,
});

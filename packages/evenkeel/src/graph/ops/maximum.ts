import { NUMBERS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';
import { splitTies } from '../split-ties.ts';

/** The larger of a and b, NaN if either is; a tie gives half of the gradient to each, as torch.maximum does. */
export const maximum = binaryOp({
  name: 'maximum',
  types: NUMBERS,
  lower: 'max',
  vjp: ({ a, b, g }, build) => splitTies(a, b, g, build),
  reference: (a, b) => Math.max(a, b),
});

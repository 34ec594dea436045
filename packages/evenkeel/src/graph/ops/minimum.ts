import { NUMBERS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';
import { splitTies } from '../split-ties.ts';

/** The smaller of a and b, NaN if either is; a tie gives half of the gradient to each, as torch.minimum does. */
export const minimum = binaryOp({
  name: 'minimum',
  types: NUMBERS,
  lower: 'min',
  vjp: ({ a, b, g }, build) => splitTies(b, a, g, build),
  reference: (a, b) => Math.min(a, b),
});

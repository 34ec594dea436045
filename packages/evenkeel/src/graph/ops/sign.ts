import { NUMBERS } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** -1, 0 or 1 by the sign of x (0 at 0, NaN at NaN); its derivative is 0 everywhere. */
export const sign = unaryOp({
  name: 'sign',
  types: NUMBERS,
  lower: 'sign',
  reference: (x) => Math.sign(x),
});

import { NUMBERS } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** -x; unsigned integers wrap. */
export const neg = unaryOp({
  name: 'neg',
  types: NUMBERS,
  lower: 'neg',
  vjp: ({ g }, { neg }) => neg(g),
  reference: (x) => -x,
});

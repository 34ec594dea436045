import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** The largest whole number not above x; its derivative is 0. */
export const floor = unaryOp({
  name: 'floor',
  types: FLOAT,
  lower: 'floor',
  reference: (x) => Math.floor(x),
});

import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** The smallest whole number not below x; its derivative is 0. */
export const ceil = unaryOp({
  name: 'ceil',
  types: FLOAT,
  lower: 'ceil',
  reference: (x) => Math.ceil(x),
});

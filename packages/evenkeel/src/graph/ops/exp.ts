import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** e^x; its derivative is the output. */
export const exp = unaryOp({
  name: 'exp',
  types: FLOAT,
  lower: 'exp',
  vjp: ({ y, g }, { mul }) => mul(g, y),
  reference: (x) => Math.exp(x),
});

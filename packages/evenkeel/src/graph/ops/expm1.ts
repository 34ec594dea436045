import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** e^x - 1, exact near 0; its derivative is the output plus 1. */
export const expm1 = unaryOp({
  name: 'expm1',
  types: FLOAT,
  lower: 'expm1',
  vjp: ({ y, g }, { mul, add, fullLike }) => mul(g, add(y, fullLike(y, 1))),
  reference: (x) => Math.expm1(x),
});

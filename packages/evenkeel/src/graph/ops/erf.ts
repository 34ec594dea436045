import { errorFunction } from '../../scalar/index.ts';
import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** Error function; derivative 2/sqrt(pi) e^(-x^2). */
export const erf = unaryOp({
  name: 'erf',
  types: FLOAT,
  lower: 'erf',
  vjp: ({ x, g }, { mul, exp, neg, fullLike }) => mul(g, mul(fullLike(x, 2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x))))),
  reference: errorFunction,
});

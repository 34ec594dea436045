import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** 1 / (1 + e^-x), without overflow on either side; derivative y (1 - y) of the output. */
export const sigmoid = unaryOp({
  name: 'sigmoid',
  types: FLOAT,
  lower: 'sigmoid',
  vjp: ({ y, g }, { mul, sub, fullLike }) => mul(g, mul(y, sub(fullLike(y, 1), y))),
  reference: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
});

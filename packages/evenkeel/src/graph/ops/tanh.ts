import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** Hyperbolic tangent; derivative 1 - y^2 of the output. */
export const tanh = unaryOp({
  name: 'tanh',
  types: FLOAT,
  lower: 'tanh',
  vjp: ({ y, g }, { mul, sub, fullLike }) => mul(g, sub(fullLike(y, 1), mul(y, y))),
  reference: (x) => Math.tanh(x),
});

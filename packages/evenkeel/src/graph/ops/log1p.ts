import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** log(1 + x), exact near 0; derivative 1/(1 + x). */
export const log1p = unaryOp({
  name: 'log1p',
  types: FLOAT,
  lower: 'log1p',
  vjp: ({ x, g }, { div, add, fullLike }) => div(g, add(x, fullLike(x, 1))),
  reference: (x) => Math.log1p(x),
});

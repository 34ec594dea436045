import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** Natural logarithm, -Infinity at 0 and NaN below; derivative 1/x. */
export const log = unaryOp({
  name: 'log',
  types: FLOAT,
  lower: 'log',
  vjp: ({ x, g }, { div }) => div(g, x),
  reference: (x) => Math.log(x),
});

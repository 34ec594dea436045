import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** Square root; derivative 1/(2 y) of the output, so Infinity at 0. */
export const sqrt = unaryOp({
  name: 'sqrt',
  types: FLOAT,
  lower: 'sqrt',
  vjp: ({ y, g }, { div, add }) => div(g, add(y, y)),
  reference: (x) => Math.sqrt(x),
});

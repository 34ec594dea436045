import { NUMBERS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a / b; integers truncate toward zero and give 0 for a divisor of 0. Gradients: g / b and -(g / b) y. */
export const div = binaryOp({
  name: 'div',
  types: NUMBERS,
  lower: 'div',
  vjp: ({ b, y, g }, { div, mul, neg }) => [div(g, b), neg(mul(div(g, b), y))],
  reference: (a, b, dtype) => (dtype === 'f32' ? a / b : b === 0 ? 0 : Math.trunc(a / b)),
});

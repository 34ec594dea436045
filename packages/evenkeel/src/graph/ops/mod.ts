import { NUMBERS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a - b floor(a / b): the sign is the divisor's, as in Python; integers give 0 for a divisor of 0. Gradients: g and -g floor(a / b). */
export const mod = binaryOp({
  name: 'mod',
  types: NUMBERS,
  lower: 'mod',
  vjp: ({ a, b, g }, { neg, mul, floor, div }) => [g, neg(mul(g, floor(div(a, b))))],
  reference: (a, b, dtype) => {
    if (b === 0 && dtype !== 'f32') return 0;
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  },
});

import { NUMBERS } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/** a b. */
export const mul = binaryOp({
  name: 'mul',
  types: NUMBERS,
  lower: 'mul',
  vjp: ({ a, b, g }, { mul }) => [mul(g, b), mul(g, a)],
  reference: (a, b, dtype) => (dtype === 'f32' ? a * b : Math.imul(a, b)),
});

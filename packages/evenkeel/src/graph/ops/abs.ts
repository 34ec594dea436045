import { NUMBERS } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** |x|, with derivative sign(x), which is 0 at 0; i32 wraps at -2^31. */
export const abs = unaryOp({
  name: 'abs',
  types: NUMBERS,
  lower: 'abs',
  vjp: ({ x, g }, { mul, sign }) => mul(g, sign(x)),
  reference: (x) => Math.abs(x),
});

import { FLOAT } from '../check.ts';
import { binaryOp } from '../elementwise.ts';

/**
 * a^b. Gradients: g b a^(b-1), taken as 0 where b = 0, and g y log(a), taken as 0 where a = 0 and b >= 0, so that neither
 * is NaN at a base of 0 (the conventions of torch.pow). A negative base has no gradient in b: NaN.
 */
export const pow = binaryOp({
  name: 'pow',
  types: FLOAT,
  lower: 'pow',
  vjp: ({ a, b, y, g }, { select, eq, le, and, sub, mul, pow, log, fullLike }) => {
    const zero = fullLike(g, 0);
    const one = fullLike(g, 1);
    const flat = eq(b, zero);
    const atZero = and(eq(a, zero), le(zero, b));
    const byBase = select(flat, zero, mul(g, mul(b, pow(a, select(flat, one, sub(b, one))))));
    const byExponent = select(atZero, zero, mul(g, mul(y, log(select(atZero, one, a)))));
    return [byBase, byExponent];
  },
  reference: (a, b) => (a === 1 || b === 0 ? 1 : a ** b),
});

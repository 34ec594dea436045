import { binary, literal } from '../../scalar/index.ts';
import { NUMBERS } from '../check.ts';
import type { Monoid } from '../monoid.ts';

/**
 * The product, 1 for no values; integers wrap. A value gets g times the product of the others, found without dividing by zero:
 * with no zero among them product / x, with one zero the product of the rest (for that zero), with more nothing. Where a
 * zero makes it so, second derivatives are those of these cases and not of the product.
 */
export const prod: Monoid = {
  name: 'prod',
  types: NUMBERS,
  fields: ['value'],
  positional: false,
  fieldType: (_, input) => input,
  stateTypes: (input) => [input],
  init: (_, input) => [literal(1, input)],
  restart: ([state]) => [literal(1, state.dtype)],
  step: ([total], x) => [binary('mul', total, x)],
  merge: ([a], [b]) => [binary('mul', a, b)],
  finish: ([total]) => total,
  empty: () => 1,
  reference: (values, _, input) => values.reduce((total, x) => (input === 'f32' ? total * x : Math.imul(total, x)), 1),
  vjp(x, _, axes, __, g, { select, eq, and, not, cast, mul, div, reduce, expand, fullLike }) {
    const isZero = eq(x, fullLike(x, 0));
    const zeros = expand(reduce(cast(isZero, 'f32'), 'sum', 'value', axes), x.shape, axes);
    const safe = select(isZero, fullLike(x, 1), x);
    const product = expand(reduce(safe, 'prod', 'value', axes), x.shape, axes);
    const alone = and(isZero, eq(zeros, fullLike(x, 1)));
    const none = and(not(isZero), eq(zeros, fullLike(x, 0)));
    const others = select(alone, product, select(none, div(product, safe), fullLike(x, 0)));
    return mul(expand(g, x.shape, axes), others);
  },
};

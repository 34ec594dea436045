import { binary, select, unary } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { NUMBERS } from '../check.ts';
import type { Monoid } from '../monoid.ts';

/**
 * Row-major position of the largest value among the reduced ones, i32: the first of equals, and the first NaN before any number,
 * as torch.argmax; 0 for no values. No gradient. The state is (value, position), and starts with some value of the walk.
 */
export const argmax: Monoid = {
  name: 'argmax',
  types: NUMBERS,
  fields: ['value'],
  positional: true,
  fieldType: () => 'i32',
  stateTypes: (input) => [input, 'i32'],
  init: (first, _, position) => [first, position],
  step([best, where], x, position) {
    const take = beats(x, best);
    return [select(take, x, best), select(take, position, where)];
  },
  merge([best, where], [x, position]) {
    const take = binary('or', beats(x, best), binary('and', binary('lt', position, where), same(x, best)));
    return [select(take, x, best), select(take, position, where)];
  },
  finish: ([, where]) => where,
  empty: () => 0,
  reference(values) {
    const nan = values.findIndex(Number.isNaN);
    return nan >= 0 ? nan : values.reduce((best, x, i) => (x > values[best] ? i : best), 0);
  },
  vjp: () => undefined,
};

/** x is larger than best, or the first NaN: neither is best NaN, nor is x at most best. */
function beats(x: Expr, best: Expr): Expr {
  if (x.dtype !== 'f32') return binary('lt', best, x);
  return binary('and', unary('not', binary('le', x, best)), binary('eq', best, best));
}

/** Equal, or both NaN. */
function same(x: Expr, y: Expr): Expr {
  const equal = binary('eq', x, y);
  if (x.dtype !== 'f32') return equal;
  return binary('or', equal, binary('and', unary('not', binary('eq', x, x)), unary('not', binary('eq', y, y))));
}

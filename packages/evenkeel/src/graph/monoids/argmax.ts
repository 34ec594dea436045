import { binary, literal, select, unary } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { NUMBERS } from '../check.ts';
import { lowest } from '../extremes.ts';
import type { Monoid } from '../monoid.ts';

/**
 * Row-major position of the largest value among the reduced ones, i32: the first of equals, and the first NaN before any number,
 * as torch.argmax; 0 for no values. No gradient. The state is (value, position), with position -1 before any value.
 */
export const argmax: Monoid = {
  name: 'argmax',
  types: NUMBERS,
  fields: ['value'],
  positional: true,
  fieldType: () => 'i32',
  stateTypes: (input) => [input, 'i32'],
  init: (_, input) => [literal(lowest(input), input), literal(-1, 'i32')],
  step([best, where], x, position) {
    const take = binary('or', binary('lt', where, NOWHERE), beats(x, best));
    return [select(take, x, best), select(take, position, where)];
  },
  merge([best, where], [x, position]) {
    const earlier = binary('and', binary('lt', position, where), same(x, best));
    const better = binary('or', binary('lt', where, NOWHERE), binary('or', beats(x, best), earlier));
    const take = binary('and', binary('le', NOWHERE, position), better);
    return [select(take, x, best), select(take, position, where)];
  },
  finish: ([, where]) => binary('max', where, literal(0, 'i32')),
  empty: () => 0,
  reference(values) {
    const nan = values.findIndex(Number.isNaN);
    return nan >= 0 ? nan : values.reduce((best, x, i) => (x > values[best] ? i : best), 0);
  },
  vjp: () => undefined,
};

const NOWHERE = literal(0, 'i32');

/** x is larger than best, or the first NaN. */
function beats(x: Expr, best: Expr): Expr {
  const larger = binary('lt', best, x);
  if (x.dtype !== 'f32') return larger;
  return binary('or', larger, binary('and', unary('not', binary('eq', x, x)), binary('eq', best, best)));
}

/** Equal, or both NaN. */
function same(x: Expr, y: Expr): Expr {
  const equal = binary('eq', x, y);
  if (x.dtype !== 'f32') return equal;
  return binary('or', equal, binary('and', unary('not', binary('eq', x, x)), unary('not', binary('eq', y, y))));
}

import { binary, literal } from '../../scalar/index.ts';
import { NUMBERS } from '../check.ts';
import { lowest, shareAmongTies } from '../extremes.ts';
import type { Monoid } from '../monoid.ts';

/** The largest value, NaN if there is one, -Infinity (or the lowest integer) for no values. Ties share the gradient equally. */
export const max: Monoid = {
  name: 'max',
  types: NUMBERS,
  fields: ['value'],
  positional: false,
  fieldType: (_, input) => input,
  stateTypes: (input) => [input],
  init: (_, input) => [literal(lowest(input), input)],
  step: ([best], x) => [binary('max', best, x)],
  merge: ([a], [b]) => [binary('max', a, b)],
  finish: ([best]) => best,
  empty: () => -Infinity,
  reference: (values) => values.reduce((best, x) => Math.max(best, x), -Infinity),
  vjp: (x, out, axes, _, g, build) => shareAmongTies(x, out, axes, g, build),
};

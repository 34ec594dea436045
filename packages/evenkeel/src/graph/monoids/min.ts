import { binary, literal } from '../../scalar/index.ts';
import { NUMBERS } from '../check.ts';
import { highest, shareAmongTies } from '../extremes.ts';
import type { Monoid } from '../monoid.ts';

/** The smallest value, NaN if there is one, Infinity (or the highest integer) for no values. Ties share the gradient equally. */
export const min: Monoid = {
  name: 'min',
  types: NUMBERS,
  fields: ['value'],
  positional: false,
  fieldType: (_, input) => input,
  stateTypes: (input) => [input],
  init: (_, input) => [literal(highest(input), input)],
  step: ([best], x) => [binary('min', best, x)],
  merge: ([a], [b]) => [binary('min', a, b)],
  finish: ([best]) => best,
  empty: () => Infinity,
  reference: (values) => values.reduce((best, x) => Math.min(best, x), Infinity),
  vjp: (x, out, axes, _, g, build) => shareAmongTies(x, out, axes, g, build),
};

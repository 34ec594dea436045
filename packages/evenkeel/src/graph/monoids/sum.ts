import { binary, literal } from '../../scalar/index.ts';
import { NUMBERS } from '../check.ts';
import type { Monoid } from '../monoid.ts';

/** The sum, 0 for no values; integers wrap. Every value gets g. */
export const sum: Monoid = {
  name: 'sum',
  types: NUMBERS,
  fields: ['value'],
  positional: false,
  fieldType: (_, input) => input,
  stateTypes: (input) => [input],
  init: (_, input) => [literal(0, input)],
  restart: ([state]) => [literal(0, state.dtype)],
  step: ([total], x) => [binary('add', total, x)],
  merge: ([a], [b]) => [binary('add', a, b)],
  finish: ([total]) => total,
  empty: () => 0,
  reference: (values) => values.reduce((total, x) => total + x, 0),
  vjp: (x, _, axes, __, g, { expand }) => expand(g, x.shape, axes),
};

import { unaryOp } from '../elementwise.ts';

/** Logical negation of a bool. */
export const not = unaryOp({
  name: 'not',
  types: ['bool'],
  lower: 'not',
  reference: (x) => (x === 0 ? 1 : 0),
});

import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** The nearest whole number, halves to the even one (IEEE 754 roundTiesToEven); its derivative is 0. */
export const round = unaryOp({
  name: 'round',
  types: FLOAT,
  lower: 'round',
  reference: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
});

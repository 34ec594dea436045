import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** Sine of radians; derivative cos(x). */
export const sin = unaryOp({
  name: 'sin',
  types: FLOAT,
  lower: 'sin',
  vjp: ({ x, g }, { mul, cos }) => mul(g, cos(x)),
  reference: (x) => Math.sin(x),
});

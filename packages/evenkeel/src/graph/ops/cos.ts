import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** Cosine of radians; derivative -sin(x). */
export const cos = unaryOp({
  name: 'cos',
  types: FLOAT,
  lower: 'cos',
  vjp: ({ x, g }, { mul, neg, sin }) => mul(g, neg(sin(x))),
  reference: (x) => Math.cos(x),
});

import { FLOAT } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** Error function; derivative 2/sqrt(pi) e^(-x^2). */
export const erf = unaryOp({
  name: 'erf',
  types: FLOAT,
  lower: 'erf',
  vjp: ({ x, g }, { mul, exp, neg, fullLike }) => mul(g, mul(fullLike(x, 2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x))))),
  reference: erfReference,
});

/** Abramowitz & Stegun 7.1.6: 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1)), all terms of one sign. */
function erfReference(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

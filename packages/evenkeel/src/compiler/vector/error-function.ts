/** The error function of vectors of f32 (N. Juffa's erff: a polynomial near 0, 1 - e^p(|x|) beyond). */
import type { Builder } from './builder.ts';
import { expWithin } from './exponential.ts';
import { flipSign, number, polynomial, signBit } from './polynomial.ts';
import type { Value } from './program.ts';

const SPLIT = 0.927734375;
const NEAR = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1];
const FAR = [-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1];

/** erf x: at most 2 ulp off, near 0 as well; odd; +-1 for +-inf, NaN stays. */
export function erf(b: Builder, x: Value): Value {
  const square = b.let(b.float('mul', x, x));
  const near = b.let(b.fma(polynomial(b, square, NEAR), x, x));
  // erf(4) is 1 in f32.
  const t = b.let(b.float('min', b.floatUnary('abs', x), number(b, 4)));
  const power = b.let(b.fma(polynomial(b, t, FAR), t, b.floatUnary('neg', t)));
  const far = b.float('sub', number(b, 1), expWithin(b, power));
  return b.blend(b.floatCompare('lt', t, number(b, SPLIT)), near, flipSign(b, far, signBit(b, x)));
}

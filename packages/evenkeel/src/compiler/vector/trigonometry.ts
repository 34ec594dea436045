/** sin and cos of vectors of f32 (Cody & Waite reduction; coefficients of Cephes sinf). */
import type { Builder } from './builder.ts';
import { flipSign, minusProduct, number, polynomial, ROUNDER } from './polynomial.ts';
import type { Value } from './program.ts';

/** pi / 2 in four parts; the first three are so short that their products with a quadrant below 2^13 are exact. */
const HALF_PI = [1.5703125, 4.837512969970703e-4, 7.549533620476723e-8, 2.563344151594519e-12];
const SIN_TAIL = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
const COS_TAIL = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];

/** sin x for |x| <= 1e4: at most 3 ulp off; beyond, the error grows with x. NaN for infinities. */
export function sin(b: Builder, x: Value): Value {
  return sinOfQuadrant(b, x, 0);
}

/** cos x for |x| <= 1e4: at most 3 ulp off; beyond, the error grows with x. NaN for infinities. */
export function cos(b: Builder, x: Value): Value {
  return sinOfQuadrant(b, x, 1);
}

/** sin(x + quadrants pi / 2). */
function sinOfQuadrant(b: Builder, x: Value, quadrants: number): Value {
  const shift = number(b, ROUNDER);
  const sum = b.let(b.fma(x, number(b, 2 / Math.PI), shift));
  const n = b.let(b.float('sub', sum, shift));
  const reduced = HALF_PI.reduce((rest, part) => minusProduct(b, rest, n, number(b, part)), x);
  // Far out, where n is no longer exact, this keeps the result between -1 and 1.
  const r = b.let(b.float('min', b.float('max', reduced, number(b, -0.8)), number(b, 0.8)));
  const z = b.let(b.float('mul', r, r));
  const sine = b.fma(b.float('mul', r, z), polynomial(b, z, SIN_TAIL), r);
  const cosine = b.fma(b.float('mul', z, z), polynomial(b, z, COS_TAIL), b.fma(z, number(b, -0.5), number(b, 1)));
  const quadrant = b.let(quadrants === 0 ? b.bits(sum) : b.int('add', b.bits(sum), b.splat('i', quadrants)));
  const odd = b.shift('shrS', b.shift('shl', quadrant, 31), 31);
  const sign = b.int('and', b.shift('shl', quadrant, 30), b.splat('i', -0x80000000));
  return flipSign(b, b.blend(odd, cosine, sine), sign);
}

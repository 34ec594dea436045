/** The floating-point remainder of vectors of f32. */
import type { Builder } from './builder.ts';
import { minusProduct, number } from './polynomial.ts';
import type { Value } from './program.ts';

/** x - y floor(x / y), with the sign of y: exact to 1 ulp of y while |x / y| < 4096, less and less so beyond; NaN for y = 0. */
export function mod(b: Builder, x: Value, y: Value): Value {
  const divisor = b.let(y);
  const quotient = b.let(b.floatUnary('floor', b.float('div', x, divisor)));
  // In two parts, the first of 12 bits, whose product with the quotient is exact.
  const high = b.let(b.bits(b.int('and', b.bits(divisor), b.splat('i', -4096))));
  const most = minusProduct(b, x, quotient, high);
  const rest = b.let(minusProduct(b, most, quotient, b.float('sub', divisor, high)));
  const zero = number(b, 0);
  // The quotient may have been rounded up to the next integer, never down past one.
  const otherSide = b.intCompare('ltS', b.int('xor', b.bits(rest), b.bits(divisor)), b.splat('i', 0));
  const over = b.int('andnot', otherSide, b.floatCompare('eq', rest, zero));
  return b.float('add', rest, b.bits(b.int('and', b.bits(divisor), over)));
}

/** Small pieces that the intrinsics share. */
import type { Builder } from './builder.ts';
import type { Value } from './program.ts';

/** 1.5 * 2^23: adding and subtracting it rounds |x| < 2^22 to the nearest integer, which then stands in the low bits of the sum. */
export const ROUNDER = 12582912;

/** A constant of type f. */
export function number(b: Builder, value: number): Value {
  return b.splat('f', value);
}

/** The polynomial with these coefficients, highest power first, by Horner's rule. */
export function polynomial(b: Builder, x: Value, coefficients: readonly number[]): Value {
  const [first, ...rest] = coefficients;
  return rest.reduce<Value>((sum, c) => b.fma(sum, x, number(b, c)), number(b, first));
}

/** a - b * c with one rounding where the machine can. */
export function minusProduct(builder: Builder, a: Value, b: Value, c: Value): Value {
  return builder.fma(builder.floatUnary('neg', b), c, a);
}

/** x with its sign bit flipped where `sign` has its own set; other bits of `sign` must be 0. */
export function flipSign(b: Builder, x: Value, sign: Value): Value {
  return b.bits(b.int('xor', b.bits(x), sign));
}

/** The sign bit of x, all other bits 0. */
export function signBit(b: Builder, x: Value): Value {
  return b.int('and', b.bits(x), b.splat('i', -0x80000000));
}

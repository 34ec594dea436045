/** Division of vectors of i32 and u32, lane by lane without leaving the vector unit. A divisor of 0 gives 0. */
import type { Builder } from './builder.ts';
import type { Value } from './program.ts';

export interface IntegerKind { readonly signed: boolean }

/** a / d truncated toward zero. */
export function intDiv(b: Builder, a: Value, d: Value, { signed }: IntegerKind): Value {
  const dividend = b.let(a);
  const divisor = b.let(d);
  if (!signed) return quotientAndRest(b, dividend, divisor).quotient;
  const { quotient } = quotientAndRest(b, magnitude(b, dividend), magnitude(b, divisor));
  return withSignOf(b, quotient, b.int('xor', dividend, divisor));
}

/** a - d floor(a / d): the remainder with the sign of the divisor. */
export function intMod(b: Builder, a: Value, d: Value, { signed }: IntegerKind): Value {
  const dividend = b.let(a);
  const divisor = b.let(d);
  if (!signed) return quotientAndRest(b, dividend, divisor).rest;
  const { rest } = quotientAndRest(b, magnitude(b, dividend), magnitude(b, divisor));
  const truncated = b.let(withSignOf(b, rest, dividend));
  const zero = b.splat('i', 0);
  const crossed = b.intCompare('ltS', b.int('xor', dividend, divisor), zero);
  const broken = b.intCompare('ne', truncated, zero);
  return b.int('add', truncated, b.int('and', divisor, b.int('and', crossed, broken)));
}

/** A little below 1, so that a quotient of floats times it is never above the true one. */
const BELOW_ONE = 1 - 2 ** -21;

/**
 * Unsigned. A guess from below leaves a remainder that is no negative number and at most 2^-20 of the dividend; dividing that once
 * more leaves less than two divisors, and a comparison settles the rest.
 */
function quotientAndRest(b: Builder, a: Value, d: Value): { quotient: Value; rest: Value } {
  const divisor = b.let(b.convert('floatU', d));
  const guess = (v: Value): Value =>
    b.let(b.convert('intU', b.float('mul', b.float('div', b.convert('floatU', v), divisor), b.splat('f', BELOW_ONE))));
  const first = guess(a);
  const left = b.let(b.int('sub', a, b.int('mul', first, d)));
  const second = guess(left);
  const rest = b.let(b.int('sub', left, b.int('mul', second, d)));
  const short = b.let(b.intCompare('leU', d, rest));
  const quotient = b.int('sub', b.int('add', first, second), short);
  const exact = b.int('sub', rest, b.int('and', d, short));
  const byZero = b.let(b.intCompare('eq', d, b.splat('i', 0)));
  return { quotient: b.let(b.int('andnot', quotient, byZero)), rest: b.let(b.int('andnot', exact, byZero)) };
}

function magnitude(b: Builder, a: Value): Value {
  const sign = b.let(b.shift('shrS', a, 31));
  return b.let(b.int('sub', b.int('xor', a, sign), sign));
}

function withSignOf(b: Builder, a: Value, sign: Value): Value {
  const mask = b.let(b.shift('shrS', sign, 31));
  return b.int('sub', b.int('xor', a, mask), mask);
}

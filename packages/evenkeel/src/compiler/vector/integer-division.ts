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

/**
 * Unsigned. The quotient of the floats is off by at most 2^-22 of itself; dividing what is left once more brings it within one of
 * the truth, and a last comparison on each side settles it.
 */
function quotientAndRest(b: Builder, a: Value, d: Value): { quotient: Value; rest: Value } {
  const divisor = b.let(b.convert('floatU', d));
  const guess = b.let(b.convert('intU', b.float('div', b.convert('floatU', a), divisor)));
  const left = b.convert('floatS', b.int('sub', a, b.int('mul', guess, d)));
  const better = b.let(b.int('add', guess, b.convert('intS', b.float('div', left, divisor))));
  const rest = b.let(b.int('sub', a, b.int('mul', better, d)));
  const zero = b.splat('i', 0);
  const over = b.let(b.intCompare('ltU', a, b.int('mul', better, d)));
  const quotient1 = b.let(b.int('add', better, over));
  const rest1 = b.let(b.int('add', rest, b.int('and', d, over)));
  const under = b.let(b.intCompare('leU', d, rest1));
  const quotient = b.int('sub', quotient1, under);
  const exact = b.int('sub', rest1, b.int('and', d, under));
  const byZero = b.let(b.intCompare('eq', d, zero));
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

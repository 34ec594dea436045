/** exp and what is made of it, for vectors of f32 (Cody & Waite 1980; coefficients of Cephes expf). */
import type { Builder } from './builder.ts';
import { minusProduct, number, polynomial, ROUNDER } from './polynomial.ts';
import type { Value } from './program.ts';

const LOG2_E = Math.LOG2E;
/** ln 2 in two parts; the first has 9 bits, so that its product with an exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005469057e-4;
/** (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2. */
const EXP_TAIL = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];

/** Twice the exponent bias of f32, for a scale in two factors. */
const TWO_BIASES = 254;

/** e^x: at most 1 ulp off; 0 for -inf, inf above 88.73, denormal results round gradually, NaN stays. */
export function exp(b: Builder, x: Value): Value {
  // Below -176 the first factor of the scale is exactly 0: very negative inputs (masks) never make slow denormals.
  const bounded = b.let(b.float('min', b.float('max', x, number(b, -176)), number(b, 89)));
  const { sum, rest } = reduce(b, bounded, TWO_BIASES);
  return scaleByPower(b, expOfRest(b, rest), sum);
}

/** e^x - 1: at most 2 ulp off, near 0 as well; -1 for -inf, inf above 88.73, NaN stays. */
export function expm1(b: Builder, x: Value): Value {
  return expm1Within(b, b.let(b.float('min', b.float('max', x, number(b, -18)), number(b, 89))));
}

/** tanh x = m / (m + 2) with m = e^(2x) - 1: at most 3 ulp off; +-1 for +-inf, NaN stays. */
export function tanh(b: Builder, x: Value): Value {
  const double = b.float('add', x, x);
  const m = b.let(expm1Within(b, b.let(b.float('min', b.float('max', double, number(b, -18)), number(b, 18.5)))));
  return b.float('div', m, b.float('add', m, number(b, 2)));
}

/** 1 / (1 + e^-x): at most 3 ulp off where the result is no denormal; 0 and 1 for -inf and inf, NaN stays. */
export function sigmoid(b: Builder, x: Value): Value {
  const one = number(b, 1);
  return b.float('div', one, b.float('add', one, exp(b, b.floatUnary('neg', x))));
}

/** 2^(whole + f) for an integer `whole` in a float, |f| <= 0.5: the last step of a power. Any |whole| <= 300. */
export function exp2OfParts(b: Builder, whole: Value, f: Value): Value {
  const rest = b.let(b.float('mul', f, number(b, Math.LN2)));
  const sum = b.let(b.float('add', whole, number(b, ROUNDER + TWO_BIASES)));
  return scaleByPower(b, expOfRest(b, rest), sum);
}

/** e^x for -87 <= x <= 88 or NaN. */
export function expWithin(b: Builder, x: Value): Value {
  const { sum, rest } = reduce(b, x, 127);
  return b.float('mul', expOfRest(b, rest), powerOfTwo(b, b.bits(sum)));
}

/** e^x - 1 = 2^n (e^r - 1) + (2^n - 1), computed with half of 2^n, which is finite for every n that matters; -18 <= x <= 89. */
function expm1Within(b: Builder, x: Value): Value {
  const { sum, rest } = reduce(b, x, 126);
  const half = b.let(powerOfTwo(b, b.bits(sum)));
  const ofRest = b.fma(b.float('mul', rest, rest), polynomial(b, rest, EXP_TAIL), rest);
  const result = b.let(b.fma(half, ofRest, b.float('sub', half, number(b, 0.5))));
  return b.float('add', result, result);
}

interface Reduced {
  /** ROUNDER + bias + n: its low bits are n + bias. */
  readonly sum: Value;
  /** x - n ln 2. */
  readonly rest: Value;
}

function reduce(b: Builder, x: Value, bias: number): Reduced {
  const shift = number(b, ROUNDER + bias);
  const sum = b.let(b.fma(x, number(b, LOG2_E), shift));
  const n = b.let(b.float('sub', sum, shift));
  const high = minusProduct(b, x, n, number(b, LN2_HIGH));
  return { sum, rest: b.let(minusProduct(b, high, n, number(b, LN2_LOW))) };
}

function expOfRest(b: Builder, rest: Value): Value {
  const tail = b.fma(b.float('mul', rest, rest), polynomial(b, rest, EXP_TAIL), rest);
  return b.float('add', tail, number(b, 1));
}

/** The float whose exponent field is the low bits of `biased`. */
function powerOfTwo(b: Builder, biased: Value): Value {
  return b.bits(b.shift('shl', biased, 23));
}

/** value * 2^n in two factors of about half the exponent each, so that inf and denormals come out right; `sum` holds n + TWO_BIASES. */
function scaleByPower(b: Builder, value: Value, sum: Value): Value {
  const biased = b.bits(sum);
  const half = b.let(b.shift('shrS', biased, 1));
  const first = b.float('mul', value, powerOfTwo(b, half));
  return b.float('mul', first, powerOfTwo(b, b.int('sub', biased, half)));
}

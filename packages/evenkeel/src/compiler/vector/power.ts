/** x^y of vectors of f32: 2^(y log2 x) with the logarithm in two floats (FreeBSD e_powf.c, after K. C. Ng). */
import type { Builder } from './builder.ts';
import { exp2OfParts } from './exponential.ts';
import { flipSign, minusProduct, number, polynomial, ROUNDER, signBit } from './polynomial.ts';
import type { Value } from './program.ts';

/** 3/2 (log(1 + s) - log(1 - s) - 2s) / s^5 in powers of s^2. */
const LOG_TAIL = [2.0697501302e-1, 2.3066075146e-1, 2.7272811532e-1, 3.3333334327e-1, 4.2857143283e-1, 6.0000002384e-1];
/** 2 / (3 ln 2), and in two parts. */
const SCALE = 9.6179670095e-1;
const SCALE_HIGH = 9.6191406250e-1;
const SCALE_LOW = -1.1736857402e-4;
/** log2(3/2) in two parts. */
const MIDDLE_HIGH = 5.84960938e-1;
const MIDDLE_LOW = 1.56322085e-6;
const SQRT_3_HALVES = 0x1cc471;
const SQRT_3 = 0x5db3d7;
const SMALLEST_NORMAL = 1.1754943508222875e-38;
const LARGEST = 3.4028234663852886e38;

/** A number as the sum of two floats, the first of 12 bits. */
interface Split { readonly high: Value; readonly low: Value }

/**
 * x^y: at most 2 ulp off. x^0 = 1 and 1^y = 1 for every x and y, NaN included; 0^y = inf for y < 0; for x < 0 the sign is that of an odd power where y is an
 * integer, else NaN; overflow gives inf, underflow rounds gradually; NaN stays otherwise.
 */
export function pow(b: Builder, x: Value, y: Value): Value {
  const base = b.let(x);
  const power = b.let(y);
  const magnitude = b.let(b.floatUnary('abs', base));
  const result = b.let(exp2OfProduct(b, power, log2(b, magnitude)));
  const signed = b.let(withSign(b, base, power, result));
  const defined = b.blend(b.floatCompare('eq', base, base), signed, base);
  const one = number(b, 1);
  const certain = b.int('or', b.floatCompare('eq', power, number(b, 0)), b.floatCompare('eq', base, one));
  return b.blend(certain, one, defined);
}

/** The sign of an odd power of a negative base; NaN for a broken power of one. */
function withSign(b: Builder, x: Value, y: Value, result: Value): Value {
  const size = b.let(b.floatUnary('abs', y));
  const two23 = number(b, 8388608);
  const sum = b.let(b.float('add', size, two23));
  const small = b.let(b.floatCompare('lt', size, two23));
  const whole = b.blend(small, b.floatCompare('eq', b.float('sub', sum, two23), size), b.splat('i', -1));
  const units = b.int('and', b.bits(b.blend(small, sum, size)), b.floatCompare('lt', size, number(b, 16777216)));
  const odd = b.shift('shl', units, 31);
  const signed = flipSign(b, result, b.int('and', signBit(b, x), odd));
  const broken = b.int('andnot', b.floatCompare('lt', x, number(b, 0)), whole);
  return b.blend(broken, number(b, NaN), signed);
}

/** log2 of x >= 0; the ends, 0 and inf, get numbers so large that any power of them overflows. */
function log2(b: Builder, x: Value): Split {
  const { exponent, fraction, upper } = normalize(b, x);
  const third = (value: number): Value => b.bits(b.int('and', b.bits(number(b, value)), upper));
  const { head, tail } = logOfFraction(b, fraction, upper);
  const scaledHigh = b.let(b.float('mul', number(b, SCALE_HIGH), head));
  const lowPart = b.fma(number(b, SCALE_LOW), head, b.fma(tail, number(b, SCALE), third(MIDDLE_LOW)));
  const scaledLow = b.let(lowPart);
  const middle = b.let(third(MIDDLE_HIGH));
  const total = b.float('add', b.float('add', b.float('add', scaledHigh, scaledLow), middle), exponent);
  const high = b.let(truncate(b, total));
  const low = b.float('sub', scaledLow, b.float('sub', b.float('sub', b.float('sub', high, exponent), middle), scaledHigh));
  const zero = b.let(b.floatCompare('eq', x, number(b, 0)));
  const infinite = b.let(b.floatCompare('lt', number(b, LARGEST), x));
  const end = b.blend(zero, number(b, -LARGEST), b.blend(infinite, number(b, LARGEST), high));
  return { high: b.let(end), low: b.let(b.blend(b.int('or', zero, infinite), number(b, 0), low)) };
}

/** x = 2^exponent * fraction with fraction from sqrt(3)/2 to sqrt(3); `upper` masks those from sqrt(3/2) on. */
function normalize(b: Builder, x: Value): { exponent: Value; fraction: Value; upper: Value } {
  const tiny = b.let(b.floatCompare('lt', x, number(b, SMALLEST_NORMAL)));
  const scaled = b.let(b.bits(b.blend(tiny, b.float('mul', x, number(b, 16777216)), x)));
  const mantissa = b.let(b.int('and', scaled, b.splat('i', 0x7fffff)));
  const aboveFirst = b.intCompare('ltS', b.splat('i', SQRT_3_HALVES), mantissa);
  const belowSecond = b.let(b.intCompare('ltS', mantissa, b.splat('i', SQRT_3)));
  const carry = b.let(b.int('andnot', b.splat('i', 1), belowSecond));
  const biased = b.int('add', b.shift('shrU', scaled, 23), carry);
  const bias = b.int('add', b.splat('i', 127), b.int('and', tiny, b.splat('i', 24)));
  const fraction = b.int('sub', b.int('or', mantissa, b.splat('i', 0x3f800000)), b.shift('shl', carry, 23));
  return {
    exponent: b.let(b.convert('floatS', b.int('sub', biased, bias))),
    fraction: b.let(b.bits(fraction)),
    upper: b.let(b.int('and', aboveFirst, belowSecond)),
  };
}

/** 3/2 ln(fraction / middle) / 1 in two floats, where middle is 1 or 3/2: s (3 + s^2 + r(s)), s = (f - m) / (f + m). */
function logOfFraction(b: Builder, fraction: Value, upper: Value): { head: Value; tail: Value } {
  const middle = b.let(b.blend(upper, number(b, 1.5), number(b, 1)));
  const difference = b.let(b.float('sub', fraction, middle));
  const inverse = b.let(b.float('div', number(b, 1), b.float('add', fraction, middle)));
  const s = b.let(b.float('mul', difference, inverse));
  const high = b.let(truncate(b, s));
  const sumHigh = b.let(truncate(b, b.float('add', fraction, middle)));
  const sumLow = b.float('sub', fraction, b.float('sub', sumHigh, middle));
  const remainder = minusProduct(b, minusProduct(b, difference, high, sumHigh), high, b.let(sumLow));
  const low = b.let(b.float('mul', inverse, remainder));
  const z = b.let(b.float('mul', s, s));
  const r = b.let(b.fma(low, b.float('add', high, s), b.float('mul', b.float('mul', z, z), polynomial(b, z, LOG_TAIL))));
  const square = b.let(b.float('mul', high, high));
  const three = number(b, 3);
  const factorHigh = b.let(truncate(b, b.float('add', b.float('add', three, square), r)));
  const factorLow = b.float('sub', r, b.float('sub', b.float('sub', factorHigh, three), square));
  const u = b.let(b.float('mul', high, factorHigh));
  const v = b.let(b.fma(low, factorHigh, b.float('mul', factorLow, s)));
  const head = b.let(truncate(b, b.float('add', u, v)));
  return { head, tail: b.let(b.float('sub', v, b.float('sub', head, u))) };
}

/** 2^(y (high + low)); exponents beyond +-250 are all the same. */
function exp2OfProduct(b: Builder, y: Value, log: Split): Value {
  const bounded = (v: Value, limit: number): Value => b.let(b.float('min', b.float('max', v, number(b, -limit)), number(b, limit)));
  // An infinite power times a part that is 0 would be NaN; the largest finite one overflows just as well.
  const power = bounded(y, LARGEST);
  const high = b.let(truncate(b, power));
  const product = bounded(b.float('mul', high, log.high), 250);
  const low = bounded(b.fma(b.float('sub', power, high), log.high, b.float('mul', power, log.low)), 1);
  const whole = b.let(b.float('sub', b.float('add', b.float('add', product, low), number(b, ROUNDER)), number(b, ROUNDER)));
  return exp2OfParts(b, whole, b.float('add', b.float('sub', product, whole), low));
}

/** The first 12 bits of the mantissa: products of two such are exact. */
function truncate(b: Builder, x: Value): Value {
  return b.bits(b.int('and', b.bits(x), b.splat('i', -4096)));
}

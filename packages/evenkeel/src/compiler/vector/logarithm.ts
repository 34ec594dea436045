/** Natural logarithms of vectors of f32 (FreeBSD e_logf.c and s_log1pf.c, after K. C. Ng). */
import type { Builder } from './builder.ts';
import { number, polynomial } from './polynomial.ts';
import type { Value } from './program.ts';

const LN2_HIGH = 6.9313812256e-1;
const LN2_LOW = 9.0580006145e-6;
/** (log(1 + s) - log(1 - s) - 2s) / s in powers of s^2, times s^2. */
const LOG_TAIL = [0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693];
const SQRT_HALF_BITS = 0x3f3504f3;
const SMALLEST_NORMAL = 1.1754943508222875e-38;
const LARGEST = 3.4028234663852886e38;
const TWO_TO_23 = 8388608;

/** ln x: at most 1 ulp off, denormal x included; -inf for 0, NaN below, inf for inf, NaN stays. */
export function log(b: Builder, x: Value): Value {
  const tiny = b.let(b.floatCompare('lt', x, number(b, SMALLEST_NORMAL)));
  const scaled = b.blend(tiny, b.float('mul', x, number(b, TWO_TO_23)), x);
  const parts = split(b, scaled);
  const exponent = b.let(b.convert('floatS', b.int('sub', parts.exponent, b.int('and', tiny, b.splat('i', 23)))));
  const fraction = b.let(parts.fraction);
  return edges(b, x, 0, logOfParts(b, fraction, exponent, number(b, 0)));
}

/** ln(1 + x): at most 1 ulp off, near 0 as well; -inf for -1, NaN below, inf for inf, NaN stays. */
export function log1p(b: Builder, x: Value): Value {
  const one = number(b, 1);
  const u = b.let(b.float('add', x, one));
  const parts = split(b, u);
  // Between sqrt(1/2) and sqrt(2) the fraction is x itself; elsewhere what 1 + x lost in rounding comes back as a correction.
  const exponentBits = b.let(parts.exponent);
  const near = b.let(b.intCompare('eq', exponentBits, b.splat('i', 0)));
  const fraction = b.let(b.blend(near, x, parts.fraction));
  const large = b.floatCompare('le', one, x);
  const lost = b.blend(large, b.float('sub', one, b.float('sub', u, x)), b.float('sub', x, b.float('sub', u, one)));
  const correction = b.blend(near, number(b, 0), b.float('div', lost, u));
  return edges(b, x, -1, logOfParts(b, fraction, b.let(b.convert('floatS', exponentBits)), correction));
}

/** x = 2^exponent (1 + fraction) with 1 + fraction between sqrt(1/2) and sqrt(2), for normal x > 0. */
function split(b: Builder, x: Value): { exponent: Value; fraction: Value } {
  const relative = b.let(b.int('sub', b.bits(x), b.splat('i', SQRT_HALF_BITS)));
  const mantissa = b.int('and', relative, b.splat('i', 0x7fffff));
  const reduced = b.bits(b.int('add', mantissa, b.splat('i', SQRT_HALF_BITS)));
  return { exponent: b.shift('shrS', relative, 23), fraction: b.float('sub', reduced, number(b, 1)) };
}

/** k ln 2 + ln(1 + f) + correction. */
function logOfParts(b: Builder, f: Value, k: Value, correction: Value): Value {
  const s = b.let(b.float('div', f, b.float('add', f, number(b, 2))));
  const z = b.let(b.float('mul', s, s));
  const tail = b.float('mul', z, polynomial(b, z, LOG_TAIL));
  const half = b.let(b.float('mul', b.float('mul', number(b, 0.5), f), f));
  const low = b.fma(k, number(b, LN2_LOW), correction);
  const small = b.fma(s, b.float('add', half, tail), low);
  return b.fma(k, number(b, LN2_HIGH), b.float('sub', f, b.float('sub', half, small)));
}

/** The value outside of pole < x < inf; NaN and inf are their own logarithms. */
function edges(b: Builder, x: Value, pole: number, inside: Value): Value {
  const outside = b.blend(b.floatCompare('eq', x, number(b, pole)), number(b, -Infinity), number(b, NaN));
  const finite = b.blend(b.floatCompare('le', x, number(b, LARGEST)), inside, x);
  return b.blend(b.floatCompare('le', x, number(b, pole)), outside, finite);
}

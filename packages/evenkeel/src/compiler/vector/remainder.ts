/** The floating-point remainder of vectors of f32. */
import type { Builder } from './builder.ts';
import { minusProduct, number } from './polynomial.ts';
import type { Value } from './program.ts';

/** Bits of a quotient that one step takes away: with the upper 12 bits of a divisor, and with the lower, its product is exact. */
const BITS = 11;
/** 2^(11 * 23) times the smallest divisor leaves the largest value few bits that are not 0. */
const STEPS = 23;

/** x - y floor(x / y), with the sign of y: what fmod and one addition give, for quotients of any size. NaN for y = 0 and infinite x. */
export function mod(b: Builder, x: Value, y: Value): Value {
  const divisor = b.let(y);
  const rest = b.mutable(x);
  const far = b.floatCompare('lt', b.float('mul', b.floatUnary('abs', divisor), number(b, 2 ** BITS)), b.floatUnary('abs', rest));
  b.when(anyLane(b, far), () => b.loop(0, STEPS, 1, (i) => {
    const power = b.let(b.scalar('mul', b.scalar('sub', STEPS, i), BITS));
    const half = b.let(b.scalar('shrU', power, 1));
    const scaled = b.float('mul', b.float('mul', divisor, powerOfTwo(b, half)), powerOfTwo(b, b.scalar('sub', power, half)));
    b.assign(rest, lessMultiple(b, rest, b.let(scaled)));
  }));
  b.assign(rest, lessMultiple(b, rest, divisor));
  const otherSide = b.intCompare('ltS', b.int('xor', b.bits(rest), b.bits(divisor)), b.splat('i', 0));
  const over = b.int('andnot', otherSide, b.floatCompare('eq', rest, number(b, 0)));
  return b.float('add', rest, b.bits(b.int('and', b.bits(divisor), over)));
}

/** x less the nearest multiple of d, exactly: what is left is a multiple of d's last bit, and on the way never above 2^24 of them. */
function lessMultiple(b: Builder, x: Value, d: Value): Value {
  const quotient = b.let(b.floatUnary('nearest', b.float('div', x, d)));
  const high = b.let(b.bits(b.int('and', b.bits(d), b.splat('i', -4096))));
  const most = minusProduct(b, x, quotient, high);
  const rest = minusProduct(b, most, quotient, b.float('sub', d, high));
  const small = b.floatCompare('lt', b.floatUnary('abs', x), b.float('mul', b.floatUnary('abs', d), number(b, 0.5)));
  return b.blend(small, x, rest);
}

function powerOfTwo(b: Builder, exponent: Value): Value {
  return b.bits(b.splatScalar(b.scalar('shl', b.scalar('add', exponent, 127), 23)));
}

function anyLane(b: Builder, mask: Value): Value {
  const lanes = b.let(mask);
  return Array.from({ length: b.lanes }, (_, lane) => b.extract(lanes, lane)).reduce((any, lane) => b.scalar('or', any, lane));
}

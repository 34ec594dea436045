/** Scalar functions on numbers: f32 rounds after every operation, integers wrap, a bool is 0 or 1. */
import { InternalError } from '../../base/index.ts';
import type { DType } from '../../base/index.ts';
import { errorFunction } from '../../scalar/index.ts';
import type { ScalarFn } from '../../scalar/index.ts';

/** The second operand is 0 where there is none. */
type Fn = (a: number, b: number) => number;

/** A function for operands of one dtype, rounded or wrapped to the result's. */
export function scalarFunction(fn: ScalarFn, from: DType, to: DType): Fn {
  if (fn === 'cast') return casting(from, to);
  const exact = (from === 'f32' ? FLOAT[fn] : from === 'bool' ? BOOL[fn] : INTEGER[fn]) ?? COMMON[fn];
  if (!exact) throw new InternalError(`no ${from} code for ${fn}`);
  switch (to) {
    case 'f32': return (a, b) => Math.fround(exact(a, b));
    case 'i32': return (a, b) => exact(a, b) | 0;
    case 'u32': return (a, b) => exact(a, b) >>> 0;
    case 'bool': return (a, b) => (exact(a, b) ? 1 : 0);
    default: return to satisfies never;
  }
}


const COMMON: Readonly<Partial<Record<ScalarFn, Fn>>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, min: Math.min, max: Math.max, neg: (a) => -a, abs: Math.abs, sign: Math.sign,
  lt: (a, b) => Number(a < b), le: (a, b) => Number(a <= b), eq: (a, b) => Number(a === b),
  and: (a, b) => a & b, or: (a, b) => a | b, xor: (a, b) => a ^ b,
};

const FLOAT: Readonly<Partial<Record<ScalarFn, Fn>>> = {
  mul: (a, b) => a * b, div: (a, b) => a / b, mod: floorMod, pow: (a, b) => (a === 1 || b === 0 ? 1 : a ** b),
  exp: Math.exp, expm1: Math.expm1, log: Math.log, log1p: Math.log1p, sqrt: Math.sqrt, sin: Math.sin, cos: Math.cos, tanh: Math.tanh,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)), erf: errorFunction, floor: Math.floor, ceil: Math.ceil,
  round: (a) => (Math.abs(a % 1) === 0.5 ? 2 * Math.round(a / 2) : Math.round(a)),
};

const INTEGER: Readonly<Partial<Record<ScalarFn, Fn>>> = {
  mul: Math.imul, div: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)), mod: (a, b) => (b === 0 ? 0 : floorMod(a, b)),
  shl: (a, b) => a << b, shr: (a, b) => a >>> b, not: (a) => ~a,
};

const BOOL: Readonly<Partial<Record<ScalarFn, Fn>>> = { not: (a) => Number(a === 0) };

/** The remainder with the sign of the divisor. */
function floorMod(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function casting(from: DType, to: DType): Fn {
  const saturated = from === 'f32';
  switch (to) {
    case 'f32': return (a) => Math.fround(a);
    case 'i32': return saturated ? (a) => limited(a, -2147483648, 2147483647) : (a) => a | 0;
    case 'u32': return saturated ? (a) => limited(a, 0, 4294967295) : (a) => a >>> 0;
    case 'bool': return (a) => (a === 0 ? 0 : 1);
    default: return to satisfies never;
  }
}

function limited(a: number, low: number, high: number): number {
  return Number.isNaN(a) ? 0 : Math.trunc(Math.max(low, Math.min(high, a)));
}

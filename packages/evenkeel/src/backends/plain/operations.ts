/** The scalar operations on JavaScript numbers: f32 is rounded after every one, integers wrap, a bool is 0 or 1. */
import { InternalError } from '../../base/index.ts';
import type { DType } from '../../base/index.ts';
import { errorFunction } from '../../scalar/index.ts';
import type { BinaryFn, Expr, ScalarFn, UnaryFn } from '../../scalar/index.ts';

type OpExpr = Extract<Expr, { kind: 'op' }>;
type Operation = (...args: number[]) => number;

/** What an op expression does with the values of its arguments. */
export function operationOf(e: OpExpr): Operation {
  const from = e.args[0].dtype;
  if (e.fn === 'select') return (condition, yes, no) => (condition !== 0 ? yes : no);
  if (e.fn === 'cast') return castTo(from, e.dtype);
  if (e.fn in compare) return compare[e.fn as keyof typeof compare];
  if (from === 'f32') {
    const exact = floats[e.fn];
    if (!exact) throw new InternalError(`no f32 operation ${e.fn}`);
    return (...args) => Math.fround(exact(...args));
  }
  return integerOperation(e.fn, from);
}

const compare = {
  lt: (a: number, b: number) => Number(a < b),
  le: (a: number, b: number) => Number(a <= b),
  eq: (a: number, b: number) => Number(a === b),
};

const floats: Partial<Record<ScalarFn, Operation>> = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, exp: Math.exp, expm1: Math.expm1, log: Math.log, log1p: Math.log1p, sqrt: Math.sqrt, sin: Math.sin, cos: Math.cos,
  tanh: Math.tanh, sigmoid: (x) => 1 / (1 + Math.exp(-x)), erf: errorFunction, floor: Math.floor, ceil: Math.ceil, round: roundToEven,
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b, mod: (a, b) => a - b * Math.floor(a / b), pow: powerOf,
  min: Math.min, max: Math.max,
} satisfies Partial<Record<UnaryFn | BinaryFn, Operation>>;

function roundToEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** As C's pow: 1 to any power, and anything to the power 0, is 1. */
function powerOf(x: number, y: number): number {
  return x === 1 ? 1 : x ** y;
}

/** Integers and bools. Division and remainder by 0 give 0. */
function integerOperation(fn: ScalarFn, dtype: DType): Operation {
  const wrap = dtype === 'u32' ? (x: number) => x >>> 0 : (x: number) => x | 0;
  switch (fn) {
    case 'add': return (a, b) => wrap(a + b);
    case 'sub': return (a, b) => wrap(a - b);
    case 'mul': return (a, b) => wrap(Math.imul(a, b));
    case 'div': return (a, b) => (b === 0 ? 0 : wrap(Math.trunc(a / b)));
    case 'mod': return (a, b) => (b === 0 ? 0 : wrap(a - b * Math.floor(a / b)));
    case 'min': return Math.min;
    case 'max': return Math.max;
    case 'and': return (a, b) => wrap(a & b);
    case 'or': return (a, b) => wrap(a | b);
    case 'xor': return (a, b) => wrap(a ^ b);
    case 'shl': return (a, b) => wrap(a << b);
    case 'shr': return (a, b) => a >>> b;
    case 'not': return dtype === 'bool' ? (x) => 1 - x : (x) => wrap(~x);
    case 'neg': return (x) => wrap(-x);
    case 'abs': return (x) => wrap(Math.abs(x));
    case 'sign': return Math.sign;
    default: throw new InternalError(`no ${dtype} operation ${fn}`);
  }
}

function castTo(from: DType, to: DType): Operation {
  switch (to) {
    case 'bool': return (x) => Number(x !== 0);
    case 'f32': return Math.fround;
    case 'i32': return from === 'f32' ? (x) => saturate(x, -2147483648, 2147483647) : (x) => x | 0;
    case 'u32': return from === 'f32' ? (x) => saturate(x, 0, 4294967295) : (x) => x >>> 0;
    default: return to satisfies never;
  }
}

function saturate(x: number, low: number, high: number): number {
  return Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x)));
}

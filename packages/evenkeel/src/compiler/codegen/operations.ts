/** The vector code of one scalar operation. */
import { InternalError } from '../../base/index.ts';
import type { DType } from '../../base/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { intrinsics } from '../vector/index.ts';
import type { Builder, FloatOp, IntCompare, IntOp, Value } from '../vector/index.ts';

type OpExpr = Extract<Expr, { kind: 'op' }>;

export function emitOp(b: Builder, e: OpExpr, args: readonly Value[]): Value {
  const from = e.args[0].dtype;
  switch (e.fn) {
    case 'select': return b.blend(args[0], args[1], args[2]);
    case 'cast': return cast(b, args[0], from, e.dtype);
    case 'lt': case 'le': case 'eq': return compare(b, e.fn, args[0], args[1], from);
    case 'and': case 'or': case 'xor': return b.int(e.fn, args[0], args[1]);
    case 'shl': case 'shr': return shift(b, e.fn === 'shl' ? 'shl' : 'shrU', e.args[1], args);
    default: return from === 'f32' ? floatOp(b, e, args) : integerOp(b, e, args, from);
  }
}

function floatOp(b: Builder, e: OpExpr, [x, y]: readonly Value[]): Value {
  switch (e.fn) {
    case 'add': case 'sub': case 'mul': case 'div': case 'min': case 'max': return b.float(e.fn satisfies FloatOp, x, y);
    case 'neg': case 'abs': case 'sqrt': case 'floor': case 'ceil': return b.floatUnary(e.fn, x);
    case 'round': return b.floatUnary('nearest', x);
    case 'sign': return sign(b, x);
    case 'mod': case 'pow': return intrinsics[e.fn](b, x, y);
    case 'exp': case 'expm1': case 'log': case 'log1p': case 'sin': case 'cos': case 'tanh': case 'sigmoid': case 'erf': return intrinsics[e.fn](b, x);
    default: throw new InternalError(`no f32 code for ${e.fn}`);
  }
}

function sign(b: Builder, x: Value): Value {
  const zero = b.splat('f', 0);
  const one = b.blend(b.floatCompare('lt', zero, x), b.splat('f', 1), x);
  return b.blend(b.floatCompare('lt', x, zero), b.splat('f', -1), one);
}

function integerOp(b: Builder, e: OpExpr, [x, y]: readonly Value[], dtype: DType): Value {
  const zero = b.splat('i', 0);
  const unsigned = dtype === 'u32';
  switch (e.fn) {
    case 'add': case 'sub': case 'mul': return b.int(e.fn satisfies IntOp, x, y);
    case 'min': return b.int(unsigned ? 'minU' : 'minS', x, y);
    case 'max': return b.int(unsigned ? 'maxU' : 'maxS', x, y);
    case 'div': return intrinsics.intDiv(b, x, y, { signed: !unsigned });
    case 'mod': return intrinsics.intMod(b, x, y, { signed: !unsigned });
    case 'not': return b.int('xor', x, b.splat('i', -1));
    case 'neg': return b.int('sub', zero, x);
    case 'abs': return unsigned ? x : b.int('maxS', x, b.int('sub', zero, x));
    case 'sign': {
      const positive = b.int('and', b.intCompare('ne', x, zero), b.splat('i', 1));
      return unsigned ? positive : b.blend(b.intCompare('ltS', x, zero), b.splat('i', -1), positive);
    }
    default: throw new InternalError(`no ${dtype} code for ${e.fn}`);
  }
}

function compare(b: Builder, fn: 'lt' | 'le' | 'eq', x: Value, y: Value, dtype: DType): Value {
  if (dtype === 'f32') return b.floatCompare(fn, x, y);
  const names: Record<string, IntCompare> = { lt: 'ltS', le: 'leS', ltU: 'ltU', leU: 'leU', eq: 'eq' };
  if (dtype === 'bool' && fn !== 'eq') return compare(b, fn, b.int('and', x, b.splat('i', 1)), b.int('and', y, b.splat('i', 1)), 'i32');
  return b.intCompare(names[fn === 'eq' ? 'eq' : dtype === 'u32' ? `${fn}U` : fn], x, y);
}

/** WebAssembly shifts all lanes by one distance: by data its five bits shift in turn. */
function shift(b: Builder, fn: 'shl' | 'shrU', by: Expr, [x, y]: readonly Value[]): Value {
  if (by.kind === 'const') return b.shift(fn, x, by.value);
  let value = x;
  for (let distance = 1; distance < 32; distance *= 2) {
    const bit = b.int('and', y, b.splat('i', distance));
    value = b.let(b.blend(b.intCompare('ne', bit, b.splat('i', 0)), b.shift(fn, value, distance), value));
  }
  return value;
}

function cast(b: Builder, x: Value, from: DType, to: DType): Value {
  if (to === from) return x;
  if (to === 'bool') {
    if (from === 'f32') return b.floatCompare('ne', x, b.splat('f', 0));
    return b.intCompare('ne', x, b.splat('i', 0));
  }
  if (from === 'bool') return to === 'f32' ? b.bits(b.int('and', x, b.bits(b.splat('f', 1)))) : b.int('and', x, b.splat('i', 1));
  if (to === 'f32') return b.convert(from === 'u32' ? 'floatU' : 'floatS', x);
  if (from === 'f32') return b.convert(to === 'u32' ? 'intU' : 'intS', x);
  return x;
}

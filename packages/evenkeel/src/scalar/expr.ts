/**
 * The expression language of kernels: what one output element is, as a function of loop variables. An op's `lower` builds
 * these; the backends evaluate them (plain: number by number, wasm: lane by lane).
 */
import type { DType } from '../base/index.ts';
import type { Ix } from './ix.ts';

/** One operand. f32 unless said; comparisons give bool. */
export type UnaryFn =
  | 'neg' | 'abs' | 'sign' | 'exp' | 'expm1' | 'log' | 'log1p' | 'sqrt' | 'sin' | 'cos' | 'tanh' | 'sigmoid' | 'erf'
  | 'floor' | 'ceil' | 'round' | 'not';
/** Two operands of one dtype. div of integers truncates toward zero; mod has the sign of the divisor; shifts take u32. */
export type BinaryFn =
  | 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'pow' | 'min' | 'max' | 'lt' | 'le' | 'eq' | 'and' | 'or' | 'xor' | 'shl' | 'shr';
export type ScalarFn = UnaryFn | BinaryFn | 'select' | 'cast';

/** What a load reads: a graph node's buffer or a scratch area. Compared by identity. */
export interface Source { readonly name: string }

export type Expr =
  | { readonly kind: 'const'; readonly dtype: DType; readonly value: number }
  /** An element of a buffer at a flat offset. */
  | { readonly kind: 'load'; readonly dtype: DType; readonly source: Source; readonly ix: Ix }
  /** A loop index used as data (i32). */
  | { readonly kind: 'index'; readonly dtype: 'i32'; readonly ix: Ix }
  /** A value that the enclosing kernel has at hand: a row's reduction, an accumulator's field. Compared by name. */
  | { readonly kind: 'local'; readonly dtype: DType; readonly name: string }
  | { readonly kind: 'op'; readonly dtype: DType; readonly fn: ScalarFn; readonly args: readonly Expr[] };

export function literal(value: number, dtype: DType = 'f32'): Expr {
  return { kind: 'const', dtype, value };
}
export function load(source: Source, ix: Ix, dtype: DType): Expr {
  return { kind: 'load', dtype, source, ix };
}
export function local(name: string, dtype: DType): Expr {
  return { kind: 'local', dtype, name };
}
/** A loop index as an i32 value. */
export function indexValue(ix: Ix): Expr {
  return ix.terms.length === 0 ? literal(ix.constant, 'i32') : { kind: 'index', dtype: 'i32', ix };
}
export function unary(fn: UnaryFn, a: Expr): Expr {
  return { kind: 'op', dtype: a.dtype, fn, args: [a] };
}
export function binary(fn: BinaryFn, a: Expr, b: Expr): Expr {
  const folded = foldBinary(fn, a, b);
  if (folded) return folded;
  const dtype: DType = fn === 'lt' || fn === 'le' || fn === 'eq' ? 'bool' : a.dtype;
  return { kind: 'op', dtype, fn, args: [a, b] };
}
export function select(condition: Expr, yes: Expr, no: Expr): Expr {
  if (condition.kind === 'const') return condition.value !== 0 ? yes : no;
  return { kind: 'op', dtype: yes.dtype, fn: 'select', args: [condition, yes, no] };
}
/** f32 to integer truncates toward zero; anything to bool is `!= 0`. */
export function cast(a: Expr, dtype: DType): Expr {
  if (a.dtype === dtype) return a;
  return { kind: 'op', dtype, fn: 'cast', args: [a] };
}

/** low <= ix < high, folded away where the range of ix proves it. */
export function within(ix: Ix, low: number, high: number): Expr {
  const above = ix.min >= low ? TRUE : binary('le', literal(low, 'i32'), indexValue(ix));
  const below = ix.max < high ? TRUE : binary('lt', indexValue(ix), literal(high, 'i32'));
  return binary('and', above, below);
}

export const TRUE: Expr = { kind: 'const', dtype: 'bool', value: 1 };
export const FALSE: Expr = { kind: 'const', dtype: 'bool', value: 0 };

function foldBinary(fn: BinaryFn, a: Expr, b: Expr): Expr | undefined {
  if (fn === 'and') {
    if (a === FALSE || b === FALSE) return FALSE;
    if (a === TRUE) return b;
    if (b === TRUE) return a;
  }
  const one = (e: Expr): boolean => e.kind === 'const' && e.value === 1;
  const zero = (e: Expr): boolean => e.kind === 'const' && Object.is(e.value, 0);
  if (fn === 'mul') {
    if (one(a)) return b;
    if (one(b)) return a;
  }
  if (fn === 'add') {
    if (zero(a)) return b;
    if (zero(b)) return a;
  }
  if ((fn === 'sub' && zero(b)) || (fn === 'div' && one(b))) return a;
  return undefined;
}

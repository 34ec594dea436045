/**
 * The vector program: the small language in which every CPU kernel is written. Values are i32 scalars (indices and addresses)
 * and vectors of L lanes of f32 or i32 (data; masks are i32 lanes of all ones or all zeros; uniform data is a splat). A backend
 * turns a program into its own code at its own L: 4 for WebAssembly, 8 or 16 for a native one, so nothing here assumes 4.
 * Addresses are bytes; a load's or store's `offset` is a constant that is added to its address.
 */

/** i32: scalar. f: vector of f32. i: vector of i32, u32, bool or mask. */
export type VType = 'i32' | 'f' | 'i';

export type ScalarOp =
  | 'add' | 'sub' | 'mul' | 'shl' | 'shrU' | 'and' | 'or' | 'xor' | 'divS' | 'remS' | 'eq' | 'ne' | 'ltS' | 'leS' | 'geS' | 'gtS';
/** f x f -> f */
export type FloatOp = 'add' | 'sub' | 'mul' | 'div' | 'min' | 'max';
/** f -> f; nearest rounds half to even */
export type FloatUnary = 'neg' | 'abs' | 'sqrt' | 'floor' | 'ceil' | 'nearest' | 'trunc';
/** f x f -> mask */
export type FloatCompare = 'eq' | 'ne' | 'lt' | 'le';
/** i x i -> i */
export type IntOp = 'add' | 'sub' | 'mul' | 'and' | 'or' | 'xor' | 'andnot' | 'minS' | 'maxS' | 'minU' | 'maxU';
/** i x i -> mask */
export type IntCompare = 'eq' | 'ne' | 'ltS' | 'leS' | 'ltU' | 'leU';

export type Value = { readonly type: VType } & (
  | { readonly op: 'local'; readonly index: number }
  | { readonly op: 'i32'; readonly value: number }
  | { readonly op: 'scalar'; readonly fn: ScalarOp; readonly a: Value; readonly b: Value }
  | { readonly op: 'choose'; readonly condition: Value; readonly a: Value; readonly b: Value }
  | { readonly op: 'loadScalar'; readonly address: Value; readonly offset: number }
  | { readonly op: 'extract'; readonly a: Value; readonly lane: number }
  /** One constant in every lane; type f or i. */
  | { readonly op: 'splat'; readonly value: number }
  /** A constant a lane; a number for lane l. */
  | { readonly op: 'lanes'; readonly of: (lane: number) => number }
  | { readonly op: 'splatScalar'; readonly a: Value }
  /** `lanes` consecutive elements (the others are 0); lanes = 'all' for a whole vector. */
  | { readonly op: 'load'; readonly address: Value; readonly offset: number; readonly lanes: number | 'all' }
  | { readonly op: 'loadSplat'; readonly address: Value; readonly offset: number }
  /** Lane l from addresses[l]; missing lanes are 0. */
  | { readonly op: 'gather'; readonly addresses: readonly Value[]; readonly offset: number }
  /** Lane l from the i32 scalars[l]. */
  | { readonly op: 'pack'; readonly scalars: readonly Value[] }
  | { readonly op: 'float'; readonly fn: FloatOp; readonly a: Value; readonly b: Value }
  | { readonly op: 'floatUnary'; readonly fn: FloatUnary; readonly a: Value }
  /** a * b + c; rounded once where the machine can (relaxed). */
  | { readonly op: 'fma'; readonly a: Value; readonly b: Value; readonly c: Value }
  | { readonly op: 'floatCompare'; readonly fn: FloatCompare; readonly a: Value; readonly b: Value }
  | { readonly op: 'int'; readonly fn: IntOp; readonly a: Value; readonly b: Value }
  | { readonly op: 'intCompare'; readonly fn: IntCompare; readonly a: Value; readonly b: Value }
  /** Shifts of every lane by one i32 scalar (taken modulo 32). */
  | { readonly op: 'shift'; readonly fn: 'shl' | 'shrU' | 'shrS'; readonly a: Value; readonly by: Value }
  /** Lane-wise mask ? a : b. */
  | { readonly op: 'blend'; readonly mask: Value; readonly a: Value; readonly b: Value }
  /** i -> f (signed or unsigned), f -> i (truncating, saturating; NaN gives 0). */
  | { readonly op: 'convert'; readonly fn: 'floatS' | 'floatU' | 'intS' | 'intU'; readonly a: Value }
  /** The same bits as the other vector type. */
  | { readonly op: 'bits'; readonly a: Value }
  /** Lane l of the result is lane (l + by) mod L of a. */
  | { readonly op: 'rotate'; readonly a: Value; readonly by: number }
);

export type Statement =
  | { readonly op: 'set'; readonly index: number; readonly value: Value }
  | { readonly op: 'store'; readonly address: Value; readonly offset: number; readonly value: Value; readonly lanes: number | 'all' }
  | { readonly op: 'storeScalar'; readonly address: Value; readonly offset: number; readonly value: Value }
  /** for (local = from; local < to; local += step) body. `to` is evaluated once. */
  | { readonly op: 'loop'; readonly index: number; readonly from: Value; readonly to: Value; readonly step: number; readonly body: readonly Statement[] }
  | { readonly op: 'if'; readonly condition: Value; readonly then: readonly Statement[]; readonly otherwise: readonly Statement[] }
  | { readonly op: 'call'; readonly callee: string; readonly args: readonly Value[] }
  /** All threads arrive before any goes on. */
  | { readonly op: 'barrier' };

/** A function of i32 parameters (locals 0 .. params-1) without a result. */
export interface VectorFunction {
  readonly name: string;
  readonly params: number;
  /** Types of all locals, parameters included. */
  readonly locals: readonly VType[];
  readonly body: readonly Statement[];
  /** Written so that an engine may make one wider instruction of those of neighbouring vectors, and fast only if it does. */
  readonly paired?: boolean;
}

/** Functions that may call each other by name; the last one is the entry `run(thread, threads)`. */
export interface VectorProgram {
  readonly lanes: number;
  readonly functions: readonly VectorFunction[];
}

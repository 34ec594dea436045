/** Instruction codes of WebAssembly (core 2.0 with SIMD, relaxed SIMD and threads), by what the vector program calls them. */
import type { FloatCompare, FloatOp, FloatUnary, IntCompare, IntOp, ScalarOp } from '../../compiler/vector/index.ts';

/** One-byte instructions. */
export const CORE = {
  block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, branch: 0x0c, branchIf: 0x0d, return: 0x0f, call: 0x10,
  drop: 0x1a, select: 0x1b, localGet: 0x20, localSet: 0x21, localTee: 0x22, load: 0x28, store: 0x36, const: 0x41, eqz: 0x45,
  empty: 0x40,
} as const;

/** Prefixed by 0xfd. */
export const SIMD = {
  load: 0x00, loadSplat: 0x09, store: 0x0b, const: 0x0c, shuffle: 0x0d, splat: 0x11, extractLane: 0x1b, replaceLane: 0x1c,
  not: 0x4d, bitselect: 0x52, loadLane: 0x56, storeLane: 0x5a, storeLane64: 0x5b, loadZero: 0x5c, loadZero64: 0x5d,
  relaxedMadd: 0x105,
} as const;

/** Prefixed by 0xfe. */
export const ATOMIC = { notify: 0x00, wait: 0x01, load: 0x10, loadLong: 0x11, addLong: 0x1f, and: 0x2c, or: 0x33 } as const;

/** Instructions on i64. */
export const LONG = { const: 0x42, eq: 0x51, geU: 0x5a, add: 0x7c, mul: 0x7e, divU: 0x80, toI32: 0xa7, fromI32: 0xad } as const;

export const SCALAR: Readonly<Record<ScalarOp, number>> = {
  add: 0x6a, sub: 0x6b, mul: 0x6c, divS: 0x6d, remS: 0x6f, and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shrU: 0x76,
  eq: 0x46, ne: 0x47, ltS: 0x48, gtS: 0x4a, leS: 0x4c, geS: 0x4e,
};

export const FLOAT: Readonly<Record<FloatOp, number>> = { add: 0xe4, sub: 0xe5, mul: 0xe6, div: 0xe7, min: 0xe8, max: 0xe9 };

/** The one-instruction forms of min and max, (b < a ? b : a) and (a < b ? b : a): a NaN in `a` stays, one in `b` is lost. */
export const PSEUDO = { min: 0xea, max: 0xeb } as const;

export const FLOAT_UNARY: Readonly<Record<FloatUnary, number>> = {
  ceil: 0x67, floor: 0x68, trunc: 0x69, nearest: 0x6a, abs: 0xe0, neg: 0xe1, sqrt: 0xe3,
};

export const FLOAT_COMPARE: Readonly<Record<FloatCompare, number>> = { eq: 0x41, ne: 0x42, lt: 0x43, le: 0x45 };

export const INT: Readonly<Record<IntOp, number>> = {
  and: 0x4e, andnot: 0x4f, or: 0x50, xor: 0x51, add: 0xae, sub: 0xb1, mul: 0xb5, minS: 0xb6, minU: 0xb7, maxS: 0xb8, maxU: 0xb9,
};

export const INT_COMPARE: Readonly<Record<IntCompare, number>> = { eq: 0x37, ne: 0x38, ltS: 0x39, ltU: 0x3a, leS: 0x3d, leU: 0x3e };

export const SHIFT = { shl: 0xab, shrS: 0xac, shrU: 0xad } as const;

export const CONVERT = { intS: 0xf8, intU: 0xf9, floatS: 0xfa, floatU: 0xfb } as const;

/**
 * The loop nests that kernels are made of. A nest is data: variables, expressions and buffers; `codegen` writes it as a vector
 * program and the plain backend interprets it. Its `units` are the independent pieces that threads share out; how a nest is cut
 * into units depends on shapes only, so results do not depend on the number of threads.
 */
import type { Monoid } from '../graph/index.ts';
import type { DType } from '../base/index.ts';
import type { Expr, Ix, Var } from '../scalar/index.ts';
import type { Buffer } from './plan.ts';

export interface Store { readonly buffer: Buffer; readonly ix: Ix; readonly value: Expr }

/** A reduction inside a nest: results are locals named `${name}.${field}`. */
export interface Reduction {
  readonly name: string;
  readonly monoid: Monoid;
  readonly input: DType;
  readonly value: Expr;
  /** Row-major position of the value among the reduced ones (used by positional monoids). */
  readonly position: Ix;
  /** Values per result. */
  readonly count: number;
}

/** Stores over a rectangular domain. */
export interface MapNest {
  readonly kind: 'map';
  readonly vars: readonly Var[];
  readonly stores: readonly Store[];
}

/**
 * Reductions that are complete only after the walk: for every index of `outer` x `inner`, over all of `reduce`.
 * The reduced loops are cut into `chunks`; each writes its state to `partial` [chunks, words, outer, inner] unless chunks is 1,
 * when `finish` runs at once. `stores` are elementwise results of the same walk.
 */
export interface ReduceNest {
  readonly kind: 'reduce';
  readonly outer: readonly Var[];
  readonly reduce: readonly Var[];
  readonly inner: readonly Var[];
  readonly reductions: readonly Reduction[];
  readonly stores: readonly Store[];
  readonly chunks: number;
  readonly partial: Buffer | undefined;
  /** Stores of results, over outer and inner (used here when chunks is 1). */
  readonly finish: readonly Store[];
}

/** Joins the partial states of a nest in chunk order and stores results. */
export interface FinishNest {
  readonly kind: 'finish';
  readonly vars: readonly Var[];
  readonly inputs: readonly FinishInput[];
  readonly chunks: number;
  /** `pieces` runs of perPiece values (the last may be shorter: there are `total`) are cut into chunks; this gives each chunk's count. */
  readonly pieces: number;
  readonly perPiece: number;
  readonly total: number;
  readonly stores: readonly Store[];
}

/** State word w of chunk c is partial[ix + w * wordStride + c * chunkStride], ix over the nest's variables. */
export interface FinishInput {
  readonly reduction: Reduction;
  readonly partial: Buffer;
  readonly ix: Ix;
  readonly wordStride: number;
  readonly chunkStride: number;
}

/** A walk over rows; each row runs the stages in turn. */
export interface WalkNest {
  readonly kind: 'walk';
  readonly rows: readonly Var[];
  readonly cols: readonly Var[];
  readonly stages: readonly Stage[];
  /** Reductions over rows, kept in `partial` while a chunk of rows runs. */
  readonly accumulations: readonly Accumulation[];
  readonly chunks: number;
}

export interface Stage {
  /** Reductions over the columns of a row, all in one pass. */
  readonly reductions: readonly Reduction[];
  /** Elementwise stores, in one pass over the columns after those reductions. */
  readonly stores: readonly Store[];
  /** Accumulations done in the same pass (indices into `accumulations`). */
  readonly accumulate: readonly number[];
  /** Stores once a row. */
  readonly rowStores: readonly Store[];
  readonly rowAccumulate: readonly number[];
}

export interface Accumulation {
  readonly reduction: Reduction;
  /** Kept index, over row and column variables. */
  readonly ix: Ix;
  readonly kept: readonly Var[];
  /** [chunks, kept] */
  readonly partial: Buffer;
}

/** Matrix product: result[batch, m, n] = sum over k of a * b, with a fused epilogue. See codegen/contract.ts. */
export interface ContractNest {
  readonly kind: 'contract';
  readonly batch: Var;
  readonly m: Var;
  readonly n: Var;
  readonly k: Var;
  readonly a: Expr;
  readonly b: Expr;
  /** How a is read: straight from its buffer, or packed first along k ('mk') or along m ('km'). */
  readonly left: DirectOperand | 'mk' | 'km';
  /** b packed once by a pack nest: [batch, panels, k, panel width]; undefined where each unit packs its own (split k). */
  readonly packed: Buffer | undefined;
  /** Stores over batch, m, n; the local `product` is the result. Split k: none, the finish nest stores. */
  readonly stores: readonly Store[];
  /** Column statistics over batch and m, one state for each n; units are then `chunks` runs of row blocks. */
  readonly reductions: readonly Reduction[];
  /** Split k: [chunks, batch, m, n rounded up to whole tiles]. Column statistics: [chunks, words, n]. */
  readonly partial: Buffer | undefined;
  readonly tile: Tile;
  /** Rows, columns and summed indices of one block; n is a multiple of the tile's width. */
  readonly block: { readonly m: number; readonly n: number; readonly k: number };
  readonly chunks: number;
  readonly splitK: boolean;
  /** Split k: sums of b's columns over each unit's share of k, [chunks, n rounded up to whole tiles]. */
  readonly columnSums: Buffer | undefined;
}

/** a at element row(batch, m) + column(k) of its buffer; a table holds byte offsets of columns that are not affine in k. */
export interface DirectOperand { readonly buffer: Buffer; readonly row: Ix; readonly step: number; readonly table: Buffer | undefined }

/** Packs b into panels. */
export interface PackNest {
  readonly kind: 'pack';
  readonly batch: Var;
  readonly n: Var;
  readonly k: Var;
  readonly b: Expr;
  readonly packed: Buffer;
  readonly tile: Tile;
}

/** Register tile of a product: rows x vectors of columns. */
export interface Tile { readonly rows: number; readonly vectors: number; readonly lanes: number }

export type Nest = MapNest | ReduceNest | FinishNest | WalkNest | ContractNest | PackNest;

/** First piece of chunk c when `pieces` are cut into `chunks` runs, the first ones longer by one where they do not divide. */
export function chunkStart(c: number, pieces: number, chunks: number): number {
  return c * Math.floor(pieces / chunks) + Math.min(c, pieces % chunks);
}

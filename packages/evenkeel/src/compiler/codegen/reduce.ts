/** Reductions that are complete after the walk: down columns (lanes are columns) or along rows (lanes share a result). */
import { ix } from '../../scalar/index.ts';
import type { Expr, Ix, Var } from '../../scalar/index.ts';
import { splitPrefix } from '../loops.ts';
import type { ReduceNest, Reduction, Store } from '../nest.ts';
import { flatPosition, product } from '../flat.ts';
import { wordsOf } from '../fuse-loops.ts';
import { Rewriter, visit } from '../rewrite.ts';
import type { Value } from '../vector/index.ts';
import { laneRewriter } from './emitter.ts';
import type { Emitter } from './emitter.ts';
import { State, asFloat, finishLocals, inBlocks, mergeWords, needsOf, nested, nestedInBlocks, positionOf, recentered, reduceAlong, startOf, within } from './loops.ts';
import type { Third } from './loops.ts';

/**
 * Vectors of columns that are walked at once: four cache lines of 4 lanes, although their states do not all fit into registers. One line
 * of each row at a time is what no prefetcher follows: batch norm on [64, 32, 32, 64], forward and backward, took 10.8 ms with 4 vectors
 * and 7.4 with 16 (one thread of a 2-core Xeon with AVX-512, wasm).
 */
const COLUMN_VECTORS = 16;
/** Rows that a state takes in between a load and a store: their steps share it in registers (7.4 ms became 6.4). */
const ROWS = 2;
/** Large expressions are walked for fewer vectors, so that functions stay small, but not for less than this. */
const FEWEST_VECTORS = 2, COLUMN_EXPRESSIONS = 2048;

export function reduceUnits(nest: ReduceNest): number {
  return product(nest.outer) * nest.chunks;
}

export function emitReduce(e: Emitter, nest: ReduceNest, begin: Value, end: Value): void {
  const { b } = e;
  const all = needsOf([...nest.reductions.map((r) => r.value)], [...nest.stores]);
  e.hoist(all.exprs, all.indices);
  b.loop(begin, end, 1, (unit) => e.scope(() => {
    const chunk = b.let(b.scalar('remS', unit, nest.chunks));
    e.decode(nest.outer, b.let(b.scalar('divS', unit, nest.chunks)));
    if (nest.inner.length > 0) emitColumns(e, nest, chunk);
    else emitRow(e, nest, chunk);
  }));
}

/** The share of a flat counter that chunk c walks. */
function share(e: Emitter, chunk: Value, pieces: number, chunks: number): { from: Value; to: Value } {
  const { b } = e;
  return { from: startOf(b, chunk, pieces, chunks), to: startOf(b, b.let(b.scalar('add', chunk, 1)), pieces, chunks) };
}

function emitColumns(e: Emitter, nest: ReduceNest, chunk: Value): void {
  const { lanes } = e.b;
  const last = nest.inner.at(-1)!;
  const vectors = Math.floor(last.size / lanes), left = last.size % lanes;
  const needs = needsOf(nest.reductions.map((r) => r.value), nest.stores);
  const most = mostVectors(needs.exprs);
  const lines = left === 0 ? neighbours(nest, Math.floor(most / vectors)) : 1;
  if (lines > 1) return emitLines(e, nest, { lines, vectors }, chunk);
  const width = Math.ceil(vectors / Math.max(1, Math.ceil(vectors / most)));
  const wide = vectors - (vectors % Math.max(1, width));
  const tile = (count: number, used: number): void => columnTile(e, nest, beside(partOf(nest), last, count, lanes), used, chunk);
  const tail = (at: number, count: number, used: number): void => e.scope(() => {
    e.bind(last, e.b.i32(at));
    tile(count, used);
  });
  nested(e, nest.inner.slice(0, -1), needs, () => {
    if (wide > 0) e.loop(last, 0, wide * lanes, width * lanes, () => tile(width, lanes));
    if (vectors > wide) tail(wide * lanes, vectors - wide, lanes);
    if (left > 0) tail(vectors * lanes, 1, left);
  });
}

/** A short innermost loop: some rounds of the loop around it are walked at once. */
function emitLines(e: Emitter, nest: ReduceNest, { lines, vectors }: { readonly lines: number; readonly vectors: number }, chunk: Value): void {
  const [line, last] = nest.inner.slice(-2);
  const parts = beside(partOf(nest), line, lines, 1).flatMap((part) => beside(part, last, vectors, e.b.lanes));
  nested(e, nest.inner.slice(0, -2), needsOf(nest.reductions.map((r) => r.value), nest.stores), () => e.loop(line, 0, line.size, lines, () => {
    e.bind(last, e.b.i32(0));
    columnTile(e, nest, parts, e.b.lanes, chunk);
  }));
}

function mostVectors(exprs: readonly Expr[]): number {
  let count = 0;
  visit(exprs, () => { count++; });
  return Math.min(COLUMN_VECTORS, Math.max(FEWEST_VECTORS, Math.floor(COLUMN_EXPRESSIONS / (ROWS * count))));
}

/** How many rounds of the loop around the innermost kept one are walked at once: a divisor of them. */
function neighbours({ inner }: ReduceNest, most: number): number {
  const size = inner.at(-2)?.size ?? 1;
  let count = Math.max(1, Math.min(most, size));
  while (size % count > 0) count--;
  return count;
}

/** Some neighbouring vectors of columns: walk all rows of the chunk, then keep or finish the states. */
function columnTile(e: Emitter, nest: ReduceNest, tiles: readonly Part[], lanes: number, chunk: Value): void {
  // A single chunk has pieces too: blocks are made of them.
  const { prefix, rest, pieces, perPiece } = splitPrefix(nest.reduce, Math.max(2, nest.chunks));
  const { from, to } = share(e, chunk, pieces, nest.chunks);
  e.along(nest.inner.at(-1)!, lanes, () => {
    const states = tiles.map((tile) => tile.reductions.map((r) => new State(e, r, (x, third) => sampled(e, x, prefix, rest, within(e, { from, to }, third), third))));
    const needs = needsOf(tiles.flatMap((t) => t.reductions.map((r) => r.value)), tiles.flatMap((t) => t.stores));
    const range = { from, to, size: Math.ceil(pieces / nest.chunks), steps: perPiece, unit: 1 };
    const row = (part: Part, t: number): void => e.scope(() => {
      part.reductions.forEach((r, i) => states[t][i].step(e, e.value(r.value), positionValue(e, r), e.b.lanes));
      e.storeAll(part.stores);
    });
    // A block of blocks must stay measured against what its total is.
    const walk = (): void => nestedInBlocks(e, states.flat(), { vars: rest, steps: 1, recenters: range.size === 1 }, needs, () => tiles.forEach(row));
    const bundles = rest.length === 0 && prefix.length === 1 ? tiles.map((tile) => beside(tile, prefix[0], ROWS, 1)) : undefined;
    e.hoist(needs.exprs, needs.indices);
    inBlocks(e, states.flat(), range, true, (start, stop) => {
      if (bundles) {
        const whole = e.b.let(e.b.scalar('add', start, e.b.scalar('and', e.b.scalar('sub', stop, start), -ROWS)));
        e.loop(prefix[0], start, whole, ROWS, () => bundles.forEach((parts, t) => parts.forEach((part) => row(part, t))));
        e.loop(prefix[0], whole, stop, 1, walk);
      } else if (prefix.length === 1) e.loop(prefix[0], start, stop, 1, walk);
      else e.b.loop(start, stop, 1, (piece) => e.scope(() => {
        e.decode(prefix, piece);
        walk();
      }));
    });
    tiles.forEach((tile, t) => e.scope(() => conclude(e, nest, tile, states[t].map((s) => s.words), chunk)));
  });
}

/** What a nest computes, or does at a neighbouring index. */
interface Part { readonly reductions: readonly Reduction[]; readonly stores: readonly Store[]; readonly finish: readonly Store[]; readonly kept: Ix }

function partOf({ reductions, stores, finish, outer, inner }: ReduceNest): Part {
  return { reductions, stores, finish, kept: flatPosition([...outer, ...inner]) };
}

/** A part at v, v + step, and so on. */
function beside(part: Part, v: Var, count: number, step: number): Part[] {
  return Array.from({ length: count }, (_, t) => {
    if (t === 0) return part;
    const shift = laneRewriter(v, t * step);
    const move = (s: Store): Store => ({ buffer: s.buffer, ix: shift.index(s.ix), value: shift.expr(s.value) });
    return { reductions: part.reductions.map((r) => ({ ...r, value: shift.expr(r.value), position: shift.index(r.position) })), stores: part.stores.map(move), finish: part.finish.map(move), kept: shift.index(part.kept) };
  });
}

function positionValue(e: Emitter, r: Reduction): Value | undefined {
  return r.monoid.positional ? e.value(positionOf(r)) : undefined;
}

/** A value of the chunk: at a piece, and as far through the loops inside it. */
function sampled(e: Emitter, value: Expr, prefix: readonly Var[], rest: readonly Var[], piece: Value, third: Third): Value {
  const inside = new Rewriter(new Map(rest.map((v) => [v.key, ix.constant(Math.floor((third * v.size) / 3))])));
  e.decode(prefix, piece);
  return e.value(inside.expr(value));
}

/** Stores the states of a chunk, or the results where there is one chunk. */
function conclude(e: Emitter, nest: ReduceNest, part: Part, words: readonly (readonly Value[])[], chunk: Value): void {
  if (!nest.partial) {
    part.reductions.forEach((r, i) => finishLocals(e, r, words[i], r.count));
    e.storeAll(part.finish);
    return;
  }
  const kept = product(nest.outer) * product(nest.inner);
  const c = ix.variable('chunk', nest.chunks);
  e.bind(c, chunk);
  const counted = nest.reductions.some((r) => r.monoid.recenter);
  const count = counted ? asFloat(e, valuesIn(e, nest, chunk)) : e.b.splat('f', 0);
  let word = 0;
  for (const value of words.flatMap((w, i) => recentered(e, nest.reductions[i], w, count))) {
    const at = ix.add(ix.scale(ix.ixOf(c), wordsOf(nest.reductions) * kept), ix.offset(part.kept, word * kept));
    e.storeValue(nest.partial, at, value);
    word++;
  }
}

/** How many values a chunk joins. */
function valuesIn(e: Emitter, nest: ReduceNest, chunk: Value): Value {
  const { pieces, perPiece } = splitPrefix(nest.reduce, nest.chunks);
  const { from, to } = share(e, chunk, pieces, nest.chunks);
  return e.b.scalar('mul', e.b.scalar('sub', to, from), perPiece);
}

/** All reduced loops along one row: lanes are joined at the end. */
function emitRow(e: Emitter, nest: ReduceNest, chunk: Value): void {
  const along = nest.reduce.at(-1);
  if (!along) {
    emitSingle(e, nest, chunk);
    return;
  }
  const before = nest.reduce.slice(0, -1);
  const words = before.length === 0 || nest.chunks === 1 ? wholeRow(e, nest, before, along, chunk) : pieces(e, nest, before, along, chunk);
  conclude(e, nest, partOf(nest), nest.reductions.map((r) => words.get(r)!), chunk);
}

/** Nothing to reduce over: the result is the value. */
function emitSingle(e: Emitter, nest: ReduceNest, chunk: Value): void {
  const states = nest.reductions.map((r) => new State(e, r, (x) => e.value(x)));
  states.forEach((s) => s.step(e, e.value(s.reduction.value), e.b.splat('i', 0), e.b.lanes));
  e.storeAll(nest.stores);
  conclude(e, nest, partOf(nest), states.map((s) => s.words), chunk);
}

function wholeRow(e: Emitter, nest: ReduceNest, before: readonly Var[], along: Var, chunk: Value): Map<Reduction, Value[]> {
  if (nest.chunks === 1) return reduceAlong(e, before, along, nest.reductions, nest.stores);
  return reduceAlong(e, [], along, nest.reductions, nest.stores, share(e, chunk, along.size, nest.chunks));
}

/** Several loops cut along the outer ones: piece by piece, joining as we go. */
function pieces(e: Emitter, nest: ReduceNest, before: readonly Var[], along: Var, chunk: Value): Map<Reduction, Value[]> {
  const { b } = e;
  const { prefix, rest, pieces: count, perPiece } = splitPrefix(before, nest.chunks);
  const { from, to } = share(e, chunk, count, nest.chunks);
  const running = new Map<Reduction, Value[]>();
  e.scope(() => {
    e.decode(prefix, from);
    for (const [r, words] of reduceAlong(e, rest, along, nest.reductions, nest.stores)) running.set(r, words.map((w) => b.mutable(w)));
  });
  b.loop(b.scalar('add', from, 1), to, 1, (piece) => e.scope(() => {
    e.decode(prefix, piece);
    const next = reduceAlong(e, rest, along, nest.reductions, nest.stores);
    const done = asFloat(e, b.scalar('mul', b.scalar('sub', piece, from), perPiece * along.size));
    for (const [r, words] of next) {
      const merged = mergeWords(e, r.monoid, r.input, running.get(r)!, words, { a: done, b: b.splat('f', perPiece * along.size) });
      running.get(r)!.forEach((w, i) => b.assign(w, merged[i]));
    }
  }));
  return running;
}

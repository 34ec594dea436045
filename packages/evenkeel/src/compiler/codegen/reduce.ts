/** Reductions that are complete after the walk: down columns (lanes are columns) or along rows (lanes share a result). */
import { ix } from '../../scalar/index.ts';
import type { Expr, Ix, Var } from '../../scalar/index.ts';
import { splitPrefix } from '../loops.ts';
import type { ReduceNest, Reduction, Store } from '../nest.ts';
import { flatPosition, product } from '../flat.ts';
import { wordsOf } from '../fuse-loops.ts';
import { Rewriter } from '../rewrite.ts';
import type { Value } from '../vector/index.ts';
import { laneRewriter } from './emitter.ts';
import type { Emitter } from './emitter.ts';
import { State, asFloat, finishLocals, inBlocks, mergeWords, needsOf, nested, nestedInBlocks, positionOf, recentered, reduceAlong, startOf, within } from './loops.ts';
import type { Third } from './loops.ts';

/** Vectors of columns whose states are kept in registers at once. */
const COLUMN_VECTORS = 4;

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
  const last = nest.inner.at(-1)!;
  const { lanes } = e.b;
  const width = COLUMN_VECTORS * lanes;
  const wide = Math.floor(last.size / width) * width;
  nested(e, nest.inner.slice(0, -1), needsOf(nest.reductions.map((r) => r.value), nest.stores), () => {
    if (wide > 0) e.loop(last, 0, wide, width, () => columnTile(e, nest, last, COLUMN_VECTORS, lanes, chunk));
    const left = last.size - wide;
    const whole = Math.floor(left / lanes);
    const tail = (at: number, vectors: number, used: number): void => e.scope(() => {
      e.bind(last, e.b.i32(at));
      columnTile(e, nest, last, vectors, used, chunk);
    });
    if (whole > 0) tail(wide, whole, lanes);
    if (left % lanes > 0) tail(wide + whole * lanes, 1, left % lanes);
  });
}

/** Some neighbouring vectors of columns: walk all rows of the chunk, then keep or finish the states. */
function columnTile(e: Emitter, nest: ReduceNest, last: Var, vectors: number, lanes: number, chunk: Value): void {
  // A single chunk has pieces too: blocks are made of them.
  const { prefix, rest, pieces, perPiece } = splitPrefix(nest.reduce, Math.max(2, nest.chunks));
  const { from, to } = share(e, chunk, pieces, nest.chunks);
  const tiles = Array.from({ length: vectors }, (_, t) => shifted(nest, last, t * e.b.lanes));
  e.along(last, lanes, () => {
    const states = tiles.map((tile) => tile.reductions.map((r) => new State(e, r, (x, third) => sampled(e, x, prefix, rest, within(e, { from, to }, third), third))));
    const needs = needsOf(tiles.flatMap((t) => t.reductions.map((r) => r.value)), tiles.flatMap((t) => t.stores));
    const range = { from, to, size: Math.ceil(pieces / nest.chunks), steps: perPiece, unit: 1 };
    // A block of blocks must stay measured against what its total is.
    const walk = (): void => nestedInBlocks(e, states.flat(), { vars: rest, steps: 1, recenters: range.size === 1 }, needs, () => {
      tiles.forEach((tile, t) => e.scope(() => {
        tile.reductions.forEach((r, i) => states[t][i].step(e, e.value(r.value), positionValue(e, r), e.b.lanes));
        e.storeAll(tile.stores);
      }));
    });
    e.hoist(needs.exprs, needs.indices);
    inBlocks(e, states.flat(), range, true, (start, stop) => {
      if (prefix.length === 1) e.loop(prefix[0], start, stop, 1, walk);
      else e.b.loop(start, stop, 1, (piece) => e.scope(() => {
        e.decode(prefix, piece);
        walk();
      }));
    });
    tiles.forEach((tile, t) => e.scope(() => conclude(e, nest, tile, states[t].map((s) => s.words), chunk)));
  });
}

interface Shifted { readonly reductions: readonly Reduction[]; readonly stores: readonly Store[]; readonly finish: readonly Store[]; readonly kept: Ix }

function shifted(nest: ReduceNest, last: Var, by: number): Shifted {
  const shift = by === 0 ? new Rewriter(new Map()) : laneRewriter(last, by);
  const move = (s: Store): Store => ({ buffer: s.buffer, ix: shift.index(s.ix), value: shift.expr(s.value) });
  return {
    reductions: nest.reductions.map((r) => ({ ...r, value: shift.expr(r.value) })), stores: nest.stores.map(move), finish: nest.finish.map(move),
    kept: shift.index(flatPosition([...nest.outer, ...nest.inner])),
  };
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
function conclude(e: Emitter, nest: ReduceNest, part: Shifted, words: readonly (readonly Value[])[], chunk: Value): void {
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
  conclude(e, nest, shifted(nest, along, 0), nest.reductions.map((r) => words.get(r)!), chunk);
}

/** Nothing to reduce over: the result is the value. */
function emitSingle(e: Emitter, nest: ReduceNest, chunk: Value): void {
  const states = nest.reductions.map((r) => new State(e, r, (x) => e.value(x)));
  states.forEach((s) => s.step(e, e.value(s.reduction.value), e.b.splat('i', 0), e.b.lanes));
  e.storeAll(nest.stores);
  conclude(e, nest, { reductions: nest.reductions, stores: nest.stores, finish: nest.finish, kept: flatPosition(nest.outer) }, states.map((s) => s.words), chunk);
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

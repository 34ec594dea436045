/** Rows one after another: each is reduced, used while it is in the cache, and its share of the column sums is kept aside. */
import { ix, literal, local } from '../../scalar/index.ts';
import type { Expr, Ix, Var } from '../../scalar/index.ts';
import { product } from '../flat.ts';
import type { Accumulation, Stage, WalkNest } from '../nest.ts';
import type { Value } from '../vector/index.ts';
import { laneRewriter } from './emitter.ts';
import type { Emitter } from './emitter.ts';
import { finishLocals, needsOf, nested, reduceAlong, startOf, storing, vectorLoop } from './loops.ts';
import type { Body } from './loops.ts';

export function walkUnits(nest: WalkNest): number {
  return nest.chunks;
}

export function emitWalk(e: Emitter, nest: WalkNest, begin: Value, end: Value): void {
  const { b } = e;
  const rows = product(nest.rows);
  b.loop(begin, end, 1, (chunk) => e.scope(() => {
    e.bind(chunkVar(nest), chunk);
    for (const acc of nest.accumulations) clear(e, nest, acc);
    const start = (c: Value): Value => startOf(b, c, rows, nest.chunks);
    const run = (row: Value): void => e.scope(() => {
      e.decode(nest.rows, row);
      for (const stage of nest.stages) emitStage(e, nest, stage);
    });
    if (rows === nest.chunks) run(chunk);
    else b.loop(start(chunk), start(b.let(b.scalar('add', chunk, 1))), 1, run);
  }));
}

function chunkVar(nest: WalkNest): Var {
  return ix.variable('chunk', nest.chunks);
}

/** Sets a chunk's partial results to the monoid's start. */
function clear(e: Emitter, nest: WalkNest, acc: Accumulation): void {
  const { monoid, input } = acc.reduction;
  const zero = literal(0, input);
  const [start] = monoid.init(zero, input, literal(0, 'i32'), [zero, zero, zero]);
  const kept = ix.variable('kept', product(acc.kept));
  const at = ix.add(ix.scale(ix.ixOf(chunkVar(nest)), kept.size), ix.ixOf(kept));
  e.scope(() => {
    if (kept.size === 1) e.storeAll([{ buffer: acc.partial, ix: at, value: start }]);
    else vectorLoop(e, kept, storing([{ buffer: acc.partial, ix: at, value: start }]));
  });
}

function partialIx(nest: WalkNest, acc: Accumulation): Ix {
  return ix.add(ix.scale(ix.ixOf(chunkVar(nest)), product(acc.kept)), acc.ix);
}

function emitStage(e: Emitter, nest: WalkNest, stage: Stage): void {
  const cols = nest.cols;
  const along = cols.at(-1)!;
  if (stage.reductions.length > 0) {
    const words = reduceAlong(e, cols.slice(0, -1), along, stage.reductions);
    for (const [r, w] of words) finishLocals(e, r, w, r.count);
  }
  e.storeAll(stage.rowStores);
  for (const i of stage.rowAccumulate) rowAccumulate(e, nest, nest.accumulations[i]);
  const accumulations = stage.accumulate.map((i) => nest.accumulations[i]);
  if (stage.stores.length === 0 && accumulations.length === 0) return;
  const body: Body = {
    exprs: accumulations.map((a) => a.reduction.value), stores: stage.stores,
    step: (em, exprs, part) => accumulations.forEach((a, i) => accumulate(em, nest, a, exprs[i], along, part)),
  };
  nested(e, cols.slice(0, -1), needsOf(body.exprs, body.stores), () => vectorLoop(e, along, body));
}

/** partial[kept] = step(partial[kept], value), a vector of columns at a time. */
function accumulate(e: Emitter, nest: WalkNest, acc: Accumulation, value: Expr, along: Var, part: number): void {
  const shift = laneRewriter(along, part * e.b.lanes);
  const at = shift.index(partialIx(nest, acc));
  e.storeValue(acc.partial, at, stepped(e, acc, at, value));
}

function rowAccumulate(e: Emitter, nest: WalkNest, acc: Accumulation): void {
  const at = partialIx(nest, acc);
  e.storeValue(acc.partial, at, stepped(e, acc, at, acc.reduction.value));
}

function stepped(e: Emitter, acc: Accumulation, at: Ix, value: Expr): Value {
  const { monoid, input } = acc.reduction;
  let out!: Value;
  const x = e.value(value);
  e.scope(() => {
    e.locals.set('old', e.b.let(e.fresh(acc.partial, at, monoid.stateTypes(input)[0])));
    e.locals.set('x', x);
    out = e.b.let(e.value(monoid.step([local('old', monoid.stateTypes(input)[0])], local('x', input), literal(0, 'i32'))[0]));
  });
  return out;
}

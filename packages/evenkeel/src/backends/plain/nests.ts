/** Loop nests as closures. Chunks are walked as every backend walks them, so that partial states mean the same everywhere. */
import { chunkStart, splitPrefix } from '../../compiler/index.ts';
import type { Accumulation, FinishNest, Nest, ReduceNest, Stage, WalkNest } from '../../compiler/index.ts';
import type { DType } from '../../base/index.ts';
import { ix, literal } from '../../scalar/index.ts';
import type { Ix, Var } from '../../scalar/index.ts';
import { prepareContract } from './contract.ts';
import { Fold } from './fold.ts';
import { keeper } from './keeper.ts';
import type { Scope } from './scope.ts';

/** What runs the nest once. */
export function prepareNest(nest: Nest, scope: Scope): () => void {
  switch (nest.kind) {
    case 'map': return scope.loops(nest.vars, scope.storing(nest.stores));
    case 'reduce': return prepareReduce(nest, scope);
    case 'finish': return prepareFinish(nest, scope);
    case 'walk': return prepareWalk(nest, scope);
    case 'contract': return prepareContract(nest, scope);
    // The product reads b itself.
    case 'pack': return () => {};
    default: return nest satisfies never;
  }
}

function prepareReduce(nest: ReduceNest, scope: Scope): () => void {
  const folds = nest.reductions.map((r) => new Fold(scope, r));
  const stores = scope.storing(nest.stores);
  const { prefix, rest, pieces } = splitPrefix(nest.reduce, nest.chunks);
  const decode = scope.decoder([...prefix, ...rest]);
  const perPiece = count(rest);
  const kept = [...nest.outer, ...nest.inner];
  const keep = nest.partial ? keeper(nest.partial, folds, position(kept), count(kept), scope) : undefined;
  const finish = scope.storing(nest.finish);
  return scope.loops(kept, () => {
    for (let chunk = 0; chunk < nest.chunks; chunk++) {
      const [from, to] = [chunkStart(chunk, pieces, nest.chunks) * perPiece, chunkStart(chunk + 1, pieces, nest.chunks) * perPiece];
      for (let at = from; at < to; at++) {
        decode(at);
        if (at === from) for (const fold of folds) fold.start();
        for (const fold of folds) fold.step();
        stores();
      }
      keep?.(chunk);
    }
    if (keep) return;
    for (const fold of folds) fold.finish();
    finish();
  });
}

function prepareFinish(nest: FinishNest, scope: Scope): () => void {
  const elements = (chunk: number): number => Math.min(nest.total, chunkStart(chunk, nest.pieces, nest.chunks) * nest.perPiece);
  const joins = nest.inputs.map((input) => {
    const fold = new Fold(scope, input.reduction);
    const views = fold.types.map((type) => scope.view(input.partial, type));
    const base = scope.index(input.ix);
    const words = (chunk: number): number[] => views.map((view, w) => view[base() + w * input.wordStride + chunk * input.chunkStride]);
    return () => {
      fold.resume(words(0));
      for (let c = 1; c < nest.chunks; c++) fold.merge(words(c), elements(c), elements(c + 1) - elements(c));
      fold.finish();
    };
  });
  const stores = scope.storing(nest.stores);
  return scope.loops(nest.vars, () => {
    for (const join of joins) join();
    stores();
  });
}

function prepareWalk(nest: WalkNest, scope: Scope): () => void {
  const rows = count(nest.rows);
  const accumulations = nest.accumulations.map((a) => accumulator(a, scope));
  const stages = nest.stages.map((stage) => prepareStage(nest, stage, accumulations, scope));
  const decode = scope.decoder(nest.rows);
  return () => {
    for (let chunk = 0; chunk < nest.chunks; chunk++) {
      for (const a of accumulations) a.clear(chunk);
      for (let row = chunkStart(chunk, rows, nest.chunks); row < chunkStart(chunk + 1, rows, nest.chunks); row++) {
        decode(row);
        for (const stage of stages) stage();
      }
    }
  };
}

function prepareStage(nest: WalkNest, stage: Stage, accumulations: readonly Accumulator[], scope: Scope): () => void {
  const folds = stage.reductions.map((r) => new Fold(scope, r));
  const decode = scope.decoder(nest.cols);
  const step = scope.loops(nest.cols, () => { for (const fold of folds) fold.step(); });
  const rowStores = scope.storing(stage.rowStores);
  const stores = scope.storing(stage.stores);
  const pass = scope.loops(nest.cols, () => {
    for (const i of stage.accumulate) accumulations[i].step();
    stores();
  });
  return () => {
    decode(0);
    for (const fold of folds) fold.start();
    if (folds.length > 0) step();
    for (const fold of folds) fold.finish();
    rowStores();
    for (const i of stage.rowAccumulate) accumulations[i].step();
    if (stage.stores.length + stage.accumulate.length > 0) pass();
  };
}

interface Accumulator { clear(chunk: number): void; step(): void }

/** A reduction over rows whose states, of one word each, lie in memory: [chunks, kept]. */
function accumulator({ reduction, ix: at, kept, partial }: Accumulation, scope: Scope): Accumulator {
  const fold = new Fold(scope, reduction);
  const size = count(kept);
  const [type] = fold.types as readonly [DType];
  const view = scope.view(partial, type);
  const zero = literal(0, reduction.input);
  const [start] = reduction.monoid.init(zero, reduction.input, literal(0, 'i32'), [zero, zero, zero]);
  const [first, place] = [scope.value(start), scope.index(at)];
  let base = 0;
  return {
    clear(chunk) {
      base = chunk * size;
      view.fill(first(), base, base + size);
    },
    step() {
      fold.resume([view[base + place()]]);
      fold.step();
      [view[base + place()]] = fold.state;
    },
  };
}

/** Number of steps of nested loops. */
function count(vars: readonly Var[]): number {
  return vars.reduce((n, v) => n * v.size, 1);
}

function position(vars: readonly Var[]): Ix {
  return vars.reduce((sum, v) => ix.add(ix.scale(sum, v.size), ix.ixOf(v)), ix.constant(0));
}

/** Joins partial states in chunk order, then stores what depends on the results. */
import { ix, local } from '../../scalar/index.ts';
import type { Ix } from '../../scalar/index.ts';
import type { FinishInput, FinishNest } from '../nest.ts';
import type { Value } from '../vector/index.ts';
import type { Emitter } from './emitter.ts';
import { finishLocals, mergeWords, startOf, uses } from './loops.ts';
import type { Body } from './loops.ts';
import { emitBody } from './map.ts';
import { laneRewriter } from './emitter.ts';

export function emitFinish(e: Emitter, nest: FinishNest, begin: Value, end: Value): void {
  const last = nest.vars.at(-1);
  const body: Body = {
    exprs: [], stores: nest.stores,
    step: (em, _exprs, part) => {
      for (const input of nest.inputs) {
        const at = part === 0 || !last ? input.ix : laneRewriter(last, part * em.b.lanes).index(input.ix);
        join(em, nest, input, at);
      }
    },
  };
  emitBody(e, nest.vars, body, begin, end);
}

/** Loads chunk 0 and joins the others, one after another. */
function join(e: Emitter, nest: FinishNest, input: FinishInput, at: Ix): void {
  const { b } = e;
  const { monoid, input: dtype } = input.reduction;
  const types = monoid.stateTypes(dtype);
  const chunk = ix.variable('chunk', nest.chunks);
  const word = (w: number, c: Ix): Value => e.value({ kind: 'load', dtype: types[w], source: input.partial, ix: ix.add(ix.offset(at, w * input.wordStride), ix.scale(c, input.chunkStride)) });
  const words = types.map((_, w) => b.mutable(word(w, ix.constant(0))));
  const counted = uses(monoid.merge(types.map((t) => local('s', t)), types.map((t) => local('s', t)), local('countA', 'f32'), local('countB', 'f32')), 'countA')
    || uses(monoid.merge(types.map((t) => local('s', t)), types.map((t) => local('s', t)), local('countA', 'f32'), local('countB', 'f32')), 'countB');
  const start = (c: Value): Value => {
    const elements = b.let(b.scalar('mul', startOf(b, c, nest.pieces, nest.chunks), nest.perPiece));
    return b.choose(b.scalar('gtS', elements, nest.total), b.i32(nest.total), elements);
  };
  const asFloat = (x: Value): Value => b.let(b.convert('floatS', b.splatScalar(x)));
  if (nest.chunks > 1) {
    e.loop(chunk, 1, nest.chunks, 1, () => {
      const c = e.index(ix.ixOf(chunk));
      const from = counted ? b.let(start(c)) : undefined;
      const counts = from && { a: asFloat(from), b: asFloat(b.scalar('sub', start(b.let(b.scalar('add', c, 1))), from)) };
      const merged = mergeWords(e, monoid, dtype, words, types.map((_, w) => word(w, ix.ixOf(chunk))), counts);
      words.forEach((w, i) => b.assign(w, merged[i]));
    });
  }
  finishLocals(e, input.reduction, words, input.reduction.count);
}

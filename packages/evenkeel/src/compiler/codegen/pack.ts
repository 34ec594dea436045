/** Packing: operands of a product copied (and computed, if they are expressions) into the order the inner kernel reads. */
import { ix } from '../../scalar/index.ts';
import type { Expr, Ix, Source, Var } from '../../scalar/index.ts';
import { simplifyLoops } from '../loops.ts';
import type { ContractNest, PackNest, Tile } from '../nest.ts';
import { Rewriter } from '../rewrite.ts';
import type { Value } from '../vector/index.ts';
import type { Emitter } from './emitter.ts';
import { needsOf, nested, storing, vectorLoop } from './loops.ts';

/** Summed indices that one packing unit copies. */
const PACK_K = 256;

export function packUnits(nest: PackNest): number {
  return nest.batch.size * panelsOf(nest.n, nest.tile) * Math.ceil(nest.k.size / PACK_K);
}

export function panelsOf(n: Var, tile: Tile): number {
  return Math.ceil(n.size / widthOf(tile));
}

export function widthOf(tile: Tile): number {
  return tile.vectors * tile.lanes;
}

/** Units begin .. end-1: a run of k of one panel each. */
export function emitPack(e: Emitter, nest: PackNest, begin: Value, end: Value): void {
  const { b } = e;
  const pieces = Math.ceil(nest.k.size / PACK_K);
  const panels = panelsOf(nest.n, nest.tile);
  b.loop(begin, end, 1, (unit) => e.scope(() => {
    const piece = b.let(b.scalar('remS', unit, pieces));
    const at = b.let(b.scalar('divS', unit, pieces));
    const panel = b.let(b.scalar('remS', at, panels));
    e.bind(nest.batch, b.let(b.scalar('divS', at, panels)));
    const from = b.let(b.scalar('mul', piece, PACK_K));
    const stop = b.let(b.scalar('add', from, PACK_K));
    const to = b.let(b.choose(b.scalar('gtS', stop, nest.k.size), b.i32(nest.k.size), stop));
    const p = ix.variable('panel', panels);
    e.bind(p, panel);
    const place = ix.add(ix.scale(ix.ixOf(nest.batch), panels * nest.k.size * widthOf(nest.tile)), ix.scale(ix.ixOf(p), nest.k.size * widthOf(nest.tile)), ix.scale(ix.ixOf(nest.k), widthOf(nest.tile)));
    emitPanel(e, nest, p, { from, to }, nest.packed, place);
  }));
}

/** One panel: k over a range, the columns along the lanes. Columns past the end get whatever their lanes compute. */
export function emitPanel(e: Emitter, of: { n: Var; k: Var; b: Expr; tile: Tile }, panel: Var, range: { from: Value; to: Value }, target: Source, place: Ix): void {
  const { lanes } = e.b;
  const width = widthOf(of.tile);
  const left = of.n.size % width;
  const body = (columns: number): void => {
    const v = ix.variable('column', columns);
    const move = new Rewriter(new Map([[of.n.key, ix.add(ix.scale(ix.ixOf(panel), width), ix.ixOf(v))]]));
    const value = move.expr(of.b);
    const stores = [{ buffer: target as never, ix: ix.add(place, ix.ixOf(v)), value }];
    e.hoist([value], [stores[0].ix]);
    e.loop(of.k, range.from, range.to, 1, () => {
      e.hoist([value], [stores[0].ix]);
      vectorLoop(e, v, { ...storing(stores), step: (em, _x, list, _part, used) => list.forEach((s) => em.storeWhole(s.buffer, s.ix, s.value, used)) });
      const written = Math.ceil(columns / lanes) * lanes;
      for (let at = written; at < width; at += lanes) e.zero(target, ix.offset(place, at));
    });
  };
  if (left === 0) return e.scope(() => body(width));
  const last = Math.floor(of.n.size / width);
  e.b.when(e.b.scalar('eq', e.index(ix.ixOf(panel)), last), () => e.scope(() => body(left)), last > 0 ? () => e.scope(() => body(width)) : undefined);
}

/** Block of a: `rows` rows from row0, `count` columns of block kb, in the layout the nest asks for. */
export function emitPackLeft(e: Emitter, nest: ContractNest, at: { row0: Var; rows: number; kb: Var; count: number }, target: Source): void {
  const mi = ix.variable('mi', at.rows);
  const ki = ix.variable('ki', at.count);
  const move = new Rewriter(new Map([
    [nest.m.key, ix.add(ix.ixOf(at.row0), ix.ixOf(mi))],
    [nest.k.key, ix.add(ix.scale(ix.ixOf(at.kb), nest.block.k), ix.ixOf(ki))],
  ]));
  const value = move.expr(nest.a);
  const along = nest.left === 'km';
  const place = along ? ix.add(ix.scale(ix.ixOf(ki), at.rows), ix.ixOf(mi)) : ix.add(ix.scale(ix.ixOf(mi), at.count), ix.ixOf(ki));
  const loops = simplifyLoops({ sets: [along ? [ki, mi] : [mi, ki]], exprs: [value], indices: [place] });
  const vars = loops.sets[0];
  const stores = [{ buffer: target as never, ix: loops.indices[0], value: loops.exprs[0] }];
  e.scope(() => {
    if (vars.length === 0) e.store(target, stores[0].ix, stores[0].value);
    else nested(e, vars.slice(0, -1), needsOf([], stores), () => vectorLoop(e, vars.at(-1)!, storing(stores)));
  });
}

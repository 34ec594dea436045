/** Packing: operands of a product copied (and computed, if they are expressions) into the order the inner kernel reads. */
import { ix } from '../../scalar/index.ts';
import type { Expr, Ix, Source, Var } from '../../scalar/index.ts';
import { simplifyLoops } from '../loops.ts';
import type { ContractNest, PackNest, Tile } from '../nest.ts';
import { Rewriter } from '../rewrite.ts';
import type { Value } from '../vector/index.ts';
import type { Emitter } from './emitter.ts';
import { laneRewriter } from './emitter.ts';
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

/** What is packed: b over k and the columns of one panel, and sums over k that are taken on the way. */
export interface PanelWork { readonly n: Var; readonly k: Var; readonly b: Expr; readonly tile: Tile }

/**
 * One panel: k over a range, the columns along the lanes. What depends on the columns alone is loaded once. Columns past the end
 * get whatever their lanes compute, or zeros. `take` sees the vectors of each k.
 */
export function emitPanel(e: Emitter, of: PanelWork, panel: Var, range: { from: Value; to: Value }, target: Source, place: Ix, sums?: PanelSums): void {
  const width = widthOf(of.tile);
  const left = of.n.size % width;
  const body = (columns: number): void => panelColumns(e, of, { panel, columns, range, target, place, sums });
  if (left === 0) return e.scope(() => body(width));
  const last = Math.floor(of.n.size / width);
  e.b.when(e.b.scalar('eq', e.index(ix.ixOf(panel)), last), () => e.scope(() => body(left)), last > 0 ? () => e.scope(() => body(width)) : undefined);
}

/** Running sums of a panel's columns over k, kept in `target` at `place`; `goesOn` is 1 where earlier sums are there already. */
export interface PanelSums { readonly target: Source; readonly place: Ix; readonly goesOn: Value }

interface PanelRun {
  readonly panel: Var; readonly columns: number; readonly range: { readonly from: Value; readonly to: Value };
  readonly target: Source; readonly place: Ix; readonly sums: PanelSums | undefined;
}

function panelColumns(e: Emitter, of: PanelWork, run: PanelRun): void {
  const { b } = e;
  const { lanes } = b;
  const v = ix.variable('column', widthOf(of.tile));
  const move = new Rewriter(new Map([[of.n.key, ix.add(ix.scale(ix.ixOf(run.panel), widthOf(of.tile)), ix.ixOf(v))]]));
  const value = move.expr(of.b);
  e.bind(v, b.i32(0));
  const vectors = Array.from({ length: Math.ceil(run.columns / lanes) }, (_, i) => ({ used: Math.min(lanes, run.columns - i * lanes), at: i * lanes, value: laneRewriter(v, i * lanes).expr(value) }));
  const sums = run.sums && vectors.map(() => b.mutable(b.splat('f', 0)));
  if (run.sums && sums) b.when(run.sums.goesOn, () => sums.forEach((s, i) => b.assign(s, e.fresh(run.sums!.target, ix.offset(run.sums!.place, vectors[i].at), 'f32', lanes))));
  const each = (see: (x: (typeof vectors)[number], i: number) => void): void => vectors.forEach((x, i) => e.along(v, x.used, () => see(x, i)));
  each((x) => e.hoist([x.value], []));
  e.hoist([], [run.place]);
  e.loop(of.k, run.range.from, run.range.to, 1, () => {
    e.hoist([], [run.place]);
    each((x) => e.shareAddresses([x.value], []));
    const made: Value[] = [];
    each((x) => e.scope(() => made.push(e.value(x.value))));
    made.forEach((m, i) => e.storeWhole(run.target, ix.offset(run.place, vectors[i].at), m));
    if (sums) made.forEach((m, i) => b.assign(sums[i], b.float('add', sums[i], m)));
    for (let at = vectors.length * lanes; at < widthOf(of.tile); at += lanes) e.zero(run.target, ix.offset(run.place, at));
  });
  if (run.sums && sums) sums.forEach((s, i) => e.storeWhole(run.sums!.target, ix.offset(run.sums!.place, vectors[i].at), s));
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

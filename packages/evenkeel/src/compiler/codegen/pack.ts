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
    emitPanel(e, nest, { panel: p, range: { from, to }, target: nest.packed, place });
  }));
}

/** What is packed: b over k and n. */
export interface PanelWork { readonly n: Var; readonly k: Var; readonly b: Expr; readonly tile: Tile }

/** Running sums of the packed columns over k, kept in `target` at `place` + column; `goesOn` is 1 where earlier sums are there already. */
export interface PanelSums { readonly target: Source; readonly place: Ix; readonly goesOn: Value }

/** One panel, over a range of k, into `target` at `place`. */
export interface PanelRun {
  readonly panel: Var;
  readonly range: { readonly from: Value; readonly to: Value };
  readonly target: Source;
  readonly place: Ix;
  readonly sums?: PanelSums;
}

/**
 * k runs over the range, the columns of the panel lie along the lanes (more columns at once would not fit the registers); what depends on the columns alone is loaded once.
 * Columns past the end get whatever their lanes compute, or zeros.
 */
export function emitPanel(e: Emitter, of: PanelWork, run: PanelRun): void {
  const width = widthOf(of.tile);
  const left = of.n.size % width;
  if (left === 0) return e.scope(() => panelColumns(e, of, run, width));
  const last = Math.floor(of.n.size / width);
  if (last === 0) return e.scope(() => panelColumns(e, of, run, left));
  e.b.when(e.b.scalar('eq', e.index(ix.ixOf(run.panel)), last), () => e.scope(() => panelColumns(e, of, run, left)), () => e.scope(() => panelColumns(e, of, run, width)));
}

interface Column { readonly used: number; readonly at: number; readonly value: Expr }

function panelColumns(e: Emitter, of: PanelWork, run: PanelRun, columns: number): void {
  const { b } = e;
  const { lanes } = b;
  const width = widthOf(of.tile);
  const v = ix.variable('column', width);
  const move = new Rewriter(new Map([[of.n.key, ix.add(ix.scale(ix.ixOf(run.panel), width), ix.ixOf(v))]]));
  const loops = simplifyLoops({ sets: [[of.k]], exprs: [move.expr(of.b)], indices: [] }, 1);
  e.bind(v, b.i32(0));
  const vectors: Column[] = Array.from({ length: Math.ceil(columns / lanes) }, (_, i) => ({
    used: Math.min(lanes, columns - i * lanes), at: i * lanes, value: laneRewriter(v, i * lanes).expr(loops.exprs[0]),
  }));
  const each = (see: (x: Column) => void): void => vectors.forEach((x) => e.along(v, x.used, () => see(x)));
  const sums = startSums(e, run, vectors);
  each((x) => e.hoist([x.value], []));
  e.hoist([], [run.place]);
  odometer(e, of.k, loops.sets[0], run.range, () => {
    e.hoist([], [run.place]);
    each((x) => e.shareAddresses([x.value], []));
    const made: Value[] = [];
    each((x) => e.scope(() => made.push(e.value(x.value))));
    made.forEach((m, i) => e.storeWhole(run.target, ix.offset(run.place, vectors[i].at), m));
    sums?.forEach((s, i) => b.assign(s, b.float('add', s, made[i])));
    for (let at = vectors.length * lanes; at < width; at += lanes) e.zero(run.target, ix.offset(run.place, at));
  });
  sums?.forEach((s, i) => e.storeWhole(run.sums!.target, ix.offset(run.sums!.place, vectors[i].at), s));
}

function startSums(e: Emitter, run: PanelRun, vectors: readonly Column[]): Value[] | undefined {
  const { b } = e;
  const { sums } = run;
  if (!sums) return undefined;
  const running = vectors.map(() => b.mutable(b.splat('f', 0)));
  // In a scope of its own: an address that is written only where the branch is taken must not serve the stores after it.
  b.when(sums.goesOn, () => e.scope(() => running.forEach((s, i) => b.assign(s, e.fresh(sums.target, ix.offset(sums.place, vectors[i].at), 'f32', b.lanes)))));
  return running;
}

/** Counts a variable over a range with its digits kept beside it, so that no quotient is computed on the way. */
function odometer(e: Emitter, k: Var, digits: readonly Var[], range: { from: Value; to: Value }, body: () => void): void {
  const { b } = e;
  // One digit counts as k does, under the name that splitting and merging gave it.
  if (digits.length <= 1) return e.loop(k, range.from, range.to, 1, () => {
    for (const d of digits) e.bind(d, e.index(ix.ixOf(k)));
    body();
  });
  const values: Value[] = [];
  let rest = range.from;
  for (let i = digits.length - 1; i >= 0; i--) {
    values[i] = b.mutable(i === 0 ? rest : b.scalar('remS', rest, digits[i].size));
    rest = b.let(b.scalar('divS', rest, digits[i].size));
  }
  const advance = (i: number): void => {
    b.assign(values[i], b.scalar('add', values[i], 1));
    if (i > 0) b.when(b.scalar('eq', values[i], digits[i].size), () => {
      b.assign(values[i], b.i32(0));
      advance(i - 1);
    });
  };
  e.loop(k, range.from, range.to, 1, () => {
    digits.forEach((d, i) => e.bind(d, values[i]));
    body();
    advance(digits.length - 1);
  });
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
    if (vars.length === 0) e.storeAll(stores);
    else nested(e, vars.slice(0, -1), needsOf([], stores), () => vectorLoop(e, vars.at(-1)!, storing(stores)));
  });
}

/**
 * Matrix products in blocks (Goto & van de Geijn 2008): a unit packs or points at a block of a's rows, runs the inner kernel over
 * the panels of b, and then the epilogue over the block while its sums are in the cache.
 */
import { ix } from '../../scalar/index.ts';
import type { Expr, Ix, Source, Var } from '../../scalar/index.ts';
import { wordsOf } from '../fuse-loops.ts';
import type { ContractNest, Reduction, Store } from '../nest.ts';
import { Rewriter } from '../rewrite.ts';
import type { Value, VectorFunction } from '../vector/index.ts';
import { laneRewriter } from './emitter.ts';
import type { Emitter } from './emitter.ts';
import { State, asFloat, mergeWords, needsOf, positionOf, recentered, startOf, storing, vectorRange, vectorStep } from './loops.ts';
import { MICRO_PARAMS, microKernel } from './micro.ts';
import { emitPackLeft, emitPanel, panelsOf, widthOf } from './pack.ts';

const STATISTICS_VECTORS = 2;

/** Byte offsets of a nest's private scratch. */
interface Scratch { readonly rows: number; readonly left: number; readonly right: number; readonly sums: number; readonly bytes: number }

export function contractScratch(nest: ContractNest): Scratch {
  const line = (bytes: number): number => Math.ceil(bytes / 64) * 64;
  const left = line(nest.block.m * 4);
  const right = left + (typeof nest.left === 'object' ? 0 : line(nest.block.m * nest.block.k * 4));
  const sums = right + (nest.splitK ? line(nest.block.n * nest.block.k * 4) : 0);
  return { rows: 0, left, right, sums, bytes: sums + (nest.splitK ? 0 : line(nest.block.m * nest.block.n * 4)) };
}

export function contractUnits(nest: ContractNest): number {
  return nest.chunks;
}

/** The inner kernels a nest calls: full tiles, and the last tile of the last block. */
export function contractFunctions(name: string, nest: ContractNest): VectorFunction[] {
  const step = typeof nest.left === 'object' ? (nest.left.table ? undefined : nest.left.step * 4) : undefined;
  const sizes = new Set<number>();
  for (const rows of blockSizes(nest.m.size, nest.block.m)) {
    if (rows >= nest.tile.rows) sizes.add(nest.tile.rows);
    if (rows % nest.tile.rows > 0) sizes.add(rows % nest.tile.rows);
  }
  const out: VectorFunction[] = [];
  for (const rows of sizes) {
    if (typeof nest.left === 'object') out.push(microKernel(`${name}_${rows}`, nest.tile, rows, leading(nest), step));
    else for (const [key, bytes] of packedSteps(nest)) out.push(microKernel(`${name}_${rows}_${key}`, nest.tile, rows, leading(nest), bytes));
  }
  return out;
}

/** Bytes from k to k + 1 in a packed block: 4 along k, else the rows of that block. */
function packedSteps(nest: ContractNest): Map<string, number> {
  if (nest.left === 'mk') return new Map([['4', 4]]);
  return new Map(blockSizes(nest.m.size, nest.block.m).map((rows) => [String(rows * 4), rows * 4]));
}

function leading(nest: ContractNest): number {
  return nest.splitK ? panelsOf(nest.n, nest.tile) * widthOf(nest.tile) : nest.block.n;
}

/** The sizes of full and last blocks. */
function blockSizes(total: number, block: number): number[] {
  const last = total % block;
  return [...(total >= block ? [block] : []), ...(last > 0 ? [last] : [])];
}

/** Calls `emit` for a block whose size is known when the code is written: full blocks, and the last one. */
function eachSize(e: Emitter, total: number, block: number, index: Value, emit: (size: number) => void): void {
  const sizes = blockSizes(total, block);
  if (sizes.length === 1) return e.scope(() => emit(sizes[0]));
  e.b.when(e.b.scalar('eq', index, Math.floor(total / block)), () => e.scope(() => emit(sizes[1])), () => e.scope(() => emit(sizes[0])));
}

export class ContractEmitter {
  private readonly e: Emitter;
  private readonly nest: ContractNest;
  private readonly name: string;
  private readonly scratch: Value;
  private readonly layout: Scratch;
  private readonly addressOf: (s: Source) => number;
  private readonly left: Source = { name: 'packed rows' };
  private readonly right: Source = { name: 'packed columns' };
  private readonly sums: Source = { name: 'sums' };

  constructor(e: Emitter, name: string, nest: ContractNest, scratch: Value, addressOf: (s: Source) => number) {
    this.e = e;
    this.name = name;
    this.nest = nest;
    this.scratch = scratch;
    this.layout = contractScratch(nest);
    this.addressOf = addressOf;
  }

  emit(begin: Value, end: Value): void {
    const { e, nest } = this;
    e.b.loop(begin, end, 1, (unit) => e.scope(() => {
      if (nest.splitK) this.splitUnit(unit);
      else if (nest.reductions.length > 0) this.statisticsUnit(unit);
      else this.blockUnit(unit);
    }));
  }

  private blockUnit(unit: Value): void {
    const { e: { b }, e, nest } = this;
    const nBlocks = Math.ceil(nest.n.size / nest.block.n);
    const mBlocks = Math.ceil(nest.m.size / nest.block.m);
    const nb = b.let(b.scalar('remS', unit, nBlocks));
    const at = b.let(b.scalar('divS', unit, nBlocks));
    const mb = b.let(b.scalar('remS', at, mBlocks));
    e.bind(nest.batch, b.let(b.scalar('divS', at, mBlocks)));
    this.block(mb, nb, (rows) => this.epilogue(rows, nb));
  }

  private statisticsUnit(unit: Value): void {
    const { e: { b }, e, nest } = this;
    const blocks = Math.ceil(nest.m.size / nest.block.m);
    e.bind(nest.batch, b.i32(0));
    const start = (c: Value): Value => startOf(b, c, blocks, nest.chunks);
    const from = start(unit);
    b.loop(from, start(b.let(b.scalar('add', unit, 1))), 1, (mb) => e.scope(() => {
      this.block(mb, b.i32(0), (rows) => this.statistics(rows, unit, b.let(b.scalar('mul', b.scalar('sub', mb, from), nest.block.m))));
    }));
  }

  /** All of k for one block, then `after` for its rows. */
  private block(mb: Value, nb: Value, after: (rows: number) => void): void {
    const { e, e: { b }, nest } = this;
    eachSize(e, nest.m.size, nest.block.m, mb, (rows) => {
      const row0 = ix.variable('row0', nest.m.size);
      e.bind(row0, b.let(b.scalar('mul', mb, nest.block.m)));
      const sums = b.let(b.scalar('add', this.scratch, this.layout.sums));
      const panelsPerBlock = nest.block.n / widthOf(nest.tile);
      const firstPanel = b.let(b.scalar('mul', nb, panelsPerBlock));
      const panels = panelsOf(nest.n, nest.tile);
      const stop = b.let(b.scalar('add', firstPanel, panelsPerBlock));
      const lastPanel = b.let(b.choose(b.scalar('gtS', stop, panels), b.i32(panels), stop));
      const batchPanels = b.let(b.scalar('mul', e.index(ix.ixOf(nest.batch)), panels));
      this.overK((kb, count) => {
        const table = this.leftRows(row0, rows, kb, count);
        const kStart = b.let(b.scalar('mul', e.index(ix.ixOf(kb)), nest.block.k));
        b.loop(firstPanel, lastPanel, 1, (panel) => {
          const flat = b.scalar('add', b.scalar('mul', b.scalar('add', batchPanels, panel), nest.k.size), kStart);
          const address = b.let(b.scalar('add', b.scalar('mul', flat, widthOf(nest.tile) * 4), this.addressOf(nest.packed!)));
          const column = b.let(b.scalar('add', sums, b.scalar('mul', b.scalar('sub', panel, firstPanel), widthOf(nest.tile) * 4)));
          this.tiles(rows, count, table, address, column, b.scalar('eq', e.index(ix.ixOf(kb)), 0));
        });
      });
      after(rows);
    });
  }

  /** A share of k: every block of it multiplied and added into the unit's own partial product. */
  private splitUnit(unit: Value): void {
    const { e, e: { b }, nest } = this;
    const kBlocks = Math.ceil(nest.k.size / nest.block.k);
    const start = (c: Value): Value => startOf(b, c, kBlocks, nest.chunks);
    const from = start(unit);
    const stride = nest.m.size * leading(nest) * 4;
    const base = b.let(b.scalar('add', b.scalar('mul', unit, nest.batch.size * stride), this.addressOf(nest.partial!)));
    const to = start(b.let(b.scalar('add', unit, 1)));
    b.loop(0, nest.batch.size, 1, (batch) => e.scope(() => {
      e.bind(nest.batch, batch);
      const result = b.let(b.scalar('add', base, b.scalar('mul', batch, stride)));
      b.loop(from, to, 1, (block) => e.scope(() => this.splitBlock(unit, block, b.let(b.scalar('eq', block, from)), result)));
    }));
  }

  private splitBlock(unit: Value, block: Value, first: Value, result: Value): void {
    const { e, e: { b }, nest } = this;
    const kb = ix.variable('kb', Math.ceil(nest.k.size / nest.block.k));
    e.bind(kb, block);
    const width = widthOf(nest.tile);
    const panelsPerBlock = nest.block.n / width;
    const panels = panelsOf(nest.n, nest.tile);
    eachSize(e, nest.k.size, nest.block.k, block, (count) => {
      b.loop(0, Math.ceil(panels / panelsPerBlock), 1, (nb) => e.scope(() => {
        const firstPanel = b.let(b.scalar('mul', nb, panelsPerBlock));
        const stop = b.let(b.scalar('add', firstPanel, panelsPerBlock));
        const lastPanel = b.let(b.choose(b.scalar('gtS', stop, panels), b.i32(panels), stop));
        this.packRight(kb, count, firstPanel, lastPanel, unit, b.let(b.scalar('eq', first, 0)));
        b.loop(0, Math.ceil(nest.m.size / nest.block.m), 1, (mb) => e.scope(() => eachSize(e, nest.m.size, nest.block.m, mb, (rows) => {
          const row0 = ix.variable('row0', nest.m.size);
          e.bind(row0, b.let(b.scalar('mul', mb, nest.block.m)));
          const table = this.leftRows(row0, rows, kb, count);
          const top = b.let(b.scalar('add', result, b.scalar('mul', e.index(ix.ixOf(row0)), leading(nest) * 4)));
          b.loop(firstPanel, lastPanel, 1, (panel) => {
            const local = b.scalar('mul', b.scalar('sub', panel, firstPanel), count * width * 4);
            const address = b.let(b.scalar('add', b.scalar('add', this.scratch, this.layout.right), local));
            this.tiles(rows, count, table, address, b.let(b.scalar('add', top, b.scalar('mul', panel, width * 4))), first);
          });
        })));
      }));
    });
  }

  /** b's panels for one block of k, into the unit's scratch. */
  private packRight(kb: Var, count: number, firstPanel: Value, lastPanel: Value, unit: Value, goesOn: Value): void {
    const { e, e: { b }, nest } = this;
    const width = widthOf(nest.tile);
    const panels = panelsOf(nest.n, nest.tile);
    const chunk = ix.variable('chunk', nest.chunks);
    e.bind(chunk, unit);
    b.loop(firstPanel, lastPanel, 1, (panel) => e.scope(() => {
      const p = ix.variable('panel', panels);
      e.bind(p, panel);
      const k0 = b.let(b.scalar('mul', e.index(ix.ixOf(kb)), nest.block.k));
      // The scratch panel starts at k0: its base is moved back by k0 rows, so that k itself is the index.
      const back = b.scalar('mul', b.scalar('sub', b.scalar('mul', b.scalar('sub', panel, firstPanel), count), k0), width * 4);
      e.place(this.right, { base: b.let(b.scalar('add', b.scalar('add', this.scratch, this.layout.right), back)), offset: 0 });
      const sums = nest.columnSums && { target: nest.columnSums, place: ix.add(ix.scale(ix.ixOf(chunk), panels * width), ix.scale(ix.ixOf(p), width)), goesOn };
      const range = { from: k0, to: b.let(b.scalar('add', k0, count)) };
      emitPanel(e, nest, { panel: p, range, target: this.right, place: ix.scale(ix.ixOf(nest.k), width), sums });
    }));
  }

  /** Runs `body` for every block of k. */
  private overK(body: (kb: Var, count: number) => void): void {
    const { e, nest } = this;
    const blocks = Math.ceil(nest.k.size / nest.block.k);
    const full = Math.floor(nest.k.size / nest.block.k);
    const kb = ix.variable('kb', blocks);
    if (full > 0) e.loop(kb, 0, full, 1, () => body(kb, nest.block.k));
    if (full < blocks) e.scope(() => {
      e.bind(kb, e.b.i32(full));
      body(kb, nest.k.size - full * nest.block.k);
    });
  }

  /** Fills the table of row addresses (packing the block first if it must be); returns what the inner kernel needs to find columns. */
  private leftRows(row0: Var, rows: number, kb: Var, count: number): { offset: Value; suffix: string } {
    const { e, e: { b }, nest } = this;
    const table = b.let(b.scalar('add', this.scratch, this.layout.rows));
    const k0 = b.scalar('mul', e.index(ix.ixOf(kb)), nest.block.k);
    if (typeof nest.left === 'object') {
      const { buffer, row, step, table: offsets } = nest.left;
      const mi = ix.variable('mi', rows);
      const at = new Rewriter(new Map([[nest.m.key, ix.add(ix.ixOf(row0), ix.ixOf(mi))]])).index(row);
      e.loop(mi, 0, rows, 1, () => b.storeScalar(b.scalar('add', table, b.scalar('shl', e.index(ix.ixOf(mi)), 2)), 0, b.scalar('add', b.scalar('shl', e.index(at), 2), this.addressOf(buffer))));
      if (offsets) return { offset: b.let(b.scalar('add', b.scalar('shl', k0, 2), this.addressOf(offsets))), suffix: '' };
      return { offset: b.let(b.scalar('mul', k0, step * 4)), suffix: '' };
    }
    const base = b.let(b.scalar('add', this.scratch, this.layout.left));
    e.place(this.left, { base, offset: 0 });
    emitPackLeft(e, nest, { row0, rows, kb, count }, this.left);
    const stride = nest.left === 'km' ? 4 : count * 4;
    b.loop(0, rows, 1, (mi) => b.storeScalar(b.scalar('add', table, b.scalar('shl', mi, 2)), 0, b.scalar('add', base, b.scalar('mul', mi, stride))));
    return { offset: b.i32(0), suffix: `_${nest.left === 'km' ? rows * 4 : 4}` };
  }

  /** The inner kernel over all row tiles of a block and one panel. */
  private tiles(rows: number, count: number, left: { offset: Value; suffix: string }, panel: Value, sums: Value, first: Value): void {
    const { e: { b }, nest } = this;
    const height = nest.tile.rows;
    const table = b.let(b.scalar('add', this.scratch, this.layout.rows));
    const isFirst = b.let(first);
    const call = (r: number, tile: Value): void => {
      const args: Record<(typeof MICRO_PARAMS)[number], Value> = {
        rows: b.scalar('add', table, b.scalar('mul', tile, 4 * height)), offset: left.offset, panel,
        sums: b.scalar('add', sums, b.scalar('mul', tile, height * leading(nest) * 4)), count: b.i32(count), first: isFirst,
      };
      b.call(`${this.name}_${r}${left.suffix}`, ...MICRO_PARAMS.map((p) => args[p]));
    };
    const whole = Math.floor(rows / height);
    if (whole > 0) b.loop(0, whole, 1, (tile) => call(height, tile));
    if (rows % height > 0) call(rows % height, b.i32(whole));
  }

  /** The product at (m, n) read from the block of sums; the base is moved so that m and n index it. */
  private sumsAt(nb: Value): { index: Ix; mi: Var } {
    const { e: { b }, e, nest } = this;
    const mi = ix.variable('mi', nest.block.m);
    const shift = b.scalar('mul', nb, nest.block.n * 4);
    e.place(this.sums, { base: b.let(b.scalar('sub', b.scalar('add', this.scratch, this.layout.sums), shift)), offset: 0 });
    return { index: ix.add(ix.scale(ix.ixOf(mi), nest.block.n), ix.ixOf(nest.n)), mi };
  }

  private fromSums(index: Ix): (e: Expr) => Expr {
    const swap = (x: Expr): Expr => (x.kind === 'local' && x.name === 'product.value' ? { kind: 'load', dtype: 'f32', source: this.sums, ix: index } : x.kind === 'op' ? { ...x, args: x.args.map(memo) } : x);
    const known = new Map<Expr, Expr>();
    const memo = (x: Expr): Expr => {
      let y = known.get(x);
      if (!y) known.set(x, (y = swap(x)));
      return y;
    };
    return memo;
  }

  private epilogue(rows: number, nb: Value): void {
    const { e, e: { b }, nest } = this;
    const { index, mi } = this.sumsAt(nb);
    const swap = this.fromSums(index);
    const stores = nest.stores.map((s) => ({ ...s, value: swap(s.value) }));
    const full = Math.floor(nest.n.size / b.lanes) * b.lanes;
    const from = b.let(b.scalar('mul', nb, nest.block.n));
    const stop = b.let(b.scalar('add', from, nest.block.n));
    const to = b.let(b.choose(b.scalar('gtS', stop, full), b.i32(full), stop));
    const needs = needsOf([], stores);
    e.hoist(needs.exprs, needs.indices);
    this.eachRow(mi, rows, () => {
      e.hoist(needs.exprs, needs.indices);
      vectorRange(e, nest.n, nest.n.size <= nest.block.n ? 0 : from, nest.n.size <= nest.block.n ? full : to, storing(stores));
      if (nest.n.size > full) b.when(b.scalar('gtS', stop, full), () => e.scope(() => {
        e.bind(nest.n, b.i32(full));
        vectorStep(e, nest.n, storing(stores), 0, nest.n.size - full);
      }));
    });
  }

  private eachRow(mi: Var, rows: number, body: () => void): void {
    const { e, e: { b }, nest } = this;
    const row0 = e.index(ix.ixOf(ix.variable('row0', nest.m.size)));
    e.loop(mi, 0, rows, 1, () => {
      e.bind(nest.m, b.let(b.scalar('add', row0, e.index(ix.ixOf(mi)))));
      body();
    });
  }

  /** The epilogue with column statistics: some vectors of columns at a time, their states in registers over the block's rows; `before` rows are done. */
  private statistics(rows: number, unit: Value, before: Value): void {
    const { e, e: { b }, nest } = this;
    const { index, mi } = this.sumsAt(b.i32(0));
    const swap = this.fromSums(index);
    const stores = nest.stores.map((s) => ({ ...s, value: swap(s.value) }));
    const reductions = nest.reductions.map((r) => ({ ...r, value: swap(r.value) }));
    const width = STATISTICS_VECTORS * b.lanes;
    const wide = Math.floor(nest.n.size / width) * width;
    const tile = (vectors: number, lanes: number): void => this.statisticsTile({ rows, unit, before, mi, stores, reductions, vectors, lanes });
    if (wide > 0) e.loop(nest.n, 0, wide, width, () => tile(STATISTICS_VECTORS, b.lanes));
    const left = nest.n.size - wide;
    const tail = (at: number, vectors: number, lanes: number): void => e.scope(() => {
      e.bind(nest.n, b.i32(at));
      tile(vectors, lanes);
    });
    const whole = Math.floor(left / b.lanes);
    if (whole > 0) tail(wide, whole, b.lanes);
    if (left % b.lanes > 0) tail(wide + whole * b.lanes, 1, left % b.lanes);
  }

  private statisticsTile(t: { rows: number; unit: Value; before: Value; mi: Var; stores: Store[]; reductions: Reduction[]; vectors: number; lanes: number }): void {
    const { e, e: { b }, nest } = this;
    const chunk = ix.variable('chunk', nest.chunks);
    e.bind(chunk, t.unit);
    const shifts = Array.from({ length: t.vectors }, (_, v) => laneRewriter(nest.n, v * b.lanes));
    e.along(nest.n, t.lanes, () => {
      const row0 = ix.ixOf(ix.variable('row0', nest.m.size));
      const samples = [0, Math.floor(t.rows / 3), Math.floor((2 * t.rows) / 3)].map((mi) => new Rewriter(new Map([[t.mi.key, ix.constant(mi)], [nest.m.key, ix.offset(row0, mi)]])));
      const states = shifts.map((s) => t.reductions.map((r) => new State(e, r, (x, third) => e.value(s.expr(samples[third].expr(x))))));
      const positions = t.reductions.map((r) => (r.monoid.positional ? positionOf(r) : undefined));
      const bodies = shifts.map((s) => ({ values: t.reductions.map((r) => s.expr(r.value)), stores: t.stores.map((x) => ({ buffer: x.buffer, ix: s.index(x.ix), value: s.expr(x.value) })) }));
      const needs = needsOf(bodies.flatMap((x) => x.values), bodies.flatMap((x) => x.stores));
      e.hoist(needs.exprs, needs.indices);
      this.eachRow(t.mi, t.rows, () => {
        e.shareAddresses(needs.exprs, needs.indices);
        bodies.forEach((body, v) => e.scope(() => {
          body.values.forEach((x, i) => states[v][i].step(e, e.value(x), positions[i] && e.value(positions[i]), b.lanes));
          e.storeAll(body.stores);
        }));
      });
      shifts.forEach((s, v) => this.joinPartial(states[v], t, this.partialWords(t.reductions, chunk, s.index(ix.ixOf(nest.n)))));
    });
  }

  /** Adds a block's states to those of the blocks before. */
  private joinPartial(states: readonly State[], t: { readonly rows: number; readonly before: Value }, places: readonly Ix[]): void {
    const { e, e: { b }, nest } = this;
    b.when(t.before, () => e.scope(() => {
      const counts = { a: asFloat(e, t.before), b: b.splat('f', t.rows) };
      let at = 0;
      for (const s of states) {
        const old = s.words.map((word) => b.let(e.fresh(nest.partial!, places[at++], word.type === 'f' ? 'f32' : 'i32')));
        const all = mergeWords(e, s.reduction.monoid, s.reduction.input, old, s.words, counts);
        s.set(e, recentered(e, s.reduction, all, b.let(b.float('add', counts.a, counts.b))));
      }
    }));
    states.flatMap((s) => s.words).forEach((word, i) => e.storeValue(nest.partial!, places[i], word));
  }

  /** Where the words of all reductions lie for one unit and column. */
  private partialWords(reductions: readonly Reduction[], chunk: Var, n: Ix): Ix[] {
    const total = wordsOf(reductions);
    const base = ix.scale(ix.ixOf(chunk), total * this.nest.n.size);
    return Array.from({ length: total }, (_, w) => ix.add(base, ix.offset(n, w * this.nest.n.size)));
  }
}

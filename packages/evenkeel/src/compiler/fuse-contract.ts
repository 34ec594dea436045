/** Turns a group around a matrix product into nests: packing, blocks with an epilogue and column statistics, and the finish. */
import { BYTES_PER_ELEMENT } from '../base/index.ts';
import { ix } from '../scalar/index.ts';
import type { Expr, Ix, Var } from '../scalar/index.ts';
import { tabulateIx } from './evaluate-ix.ts';
import { Fused, finishInputs, wordsOf } from './fuse-loops.ts';
import type { NestContext } from './fuse-loops.ts';
import type { Group, Member } from './group.ts';
import { monoids } from '../graph/index.ts';
import type { ContractNest, DirectOperand, FinishInput, FinishNest, PackNest, Reduction, Store, Tile } from './nest.ts';
import type { Buffer, Phase } from './plan.ts';
import { Rewriter, loadsOf } from './rewrite.ts';
import { splitsK } from './split.ts';
import { dotSizes, operandsOf, unflattenShape } from './task.ts';
import type { Tasks } from './task.ts';
import { dotAttrs } from './vertex.ts';

/** Blocks that keep a's block and b's panel in the first two cache levels (48 KiB and 2 MiB on the machine measured). */
const BLOCK_M = 96;
const BLOCK_N = 256;
const BLOCK_K = 256;
const MIN_UNITS = 16;
const STATISTICS_CHUNKS = 64;
const MAX_SPLITS = 32;
/** Beyond this stride (elements) rows read down a column collide in the cache, and packing pays. */
const MAX_DIRECT_STEP = 512;

export interface ContractContext extends NestContext {
  readonly tile: { readonly rows: number; readonly vectors: number; readonly lanes: number };
  /** A constant buffer. */
  readonly table: (name: string, data: Int32Array) => Buffer;
}

interface Flat { readonly batch: Var; readonly m: Var; readonly n: Var; readonly k: Var }

export function contractPhases(group: Group, all: Tasks, context: ContractContext): Phase[] {
  const dot = group.members[0];
  const sizes = dotSizes(dot.task.vertex);
  const flat: Flat = { batch: ix.variable('B', sizes.batch), m: ix.variable('M', sizes.m), n: ix.variable('N', sizes.n), k: ix.variable('K', sizes.k) };
  const of = { batch: ix.ixOf(flat.batch), m: ix.ixOf(flat.m), n: ix.ixOf(flat.n), k: ix.ixOf(flat.k) };
  const { a, b } = operandsOf(dot.task, all.lowering, of);
  const fused = new Fused(group, context);
  const reduces = group.members.filter((m) => m.reduce);
  for (const m of reduces) fused.reduction(m);
  const epilogue = flattenEpilogue(group, fused, of);
  const tile = tileFor(sizes.n, context.tile);
  const shape = { flat, a, b, tile, left: leftOperand(a, flat, context) };
  return splitsK(dot.task.vertex) ? splitPhases(shape, epilogue, context) : blockPhases(shape, epilogue, context);
}

interface Shape { readonly flat: Flat; readonly a: Expr; readonly b: Expr; readonly tile: Tile; readonly left: ContractNest['left'] }
interface Epilogue { readonly element: readonly Store[]; readonly finish: readonly Store[]; readonly reductions: readonly Reduction[] }

/** The epilogue over the flat variables. Finish stores stay over n. */
function flattenEpilogue(group: Group, fused: Fused, of: { batch: Ix; m: Ix; n: Ix }): Epilogue {
  const dot = group.members[0].task.vertex;
  const { batch, contract } = dotAttrs(dot);
  const [sa, sb] = [dot.inputs[0].node.shape, dot.inputs[1].node.shape];
  const index = [
    ...unflattenShape(of.batch, sa.slice(0, batch)), ...unflattenShape(of.m, sa.slice(batch, sa.length - contract)), ...unflattenShape(of.n, sb.slice(batch + contract)),
  ].filter((_, axis) => dot.node.shape[axis] !== 1);
  const rewriter = new Rewriter(new Map(group.vars.map((v, i) => [v.key, index[i]])));
  const move = (stores: readonly Store[]): Store[] => stores.map((s) => ({ buffer: s.buffer, ix: rewriter.index(s.ix), value: rewriter.expr(s.value) }));
  const isElement = (m: Member): boolean => m.level === 'element' && !m.reduce;
  return {
    element: move(fused.stores(group.members.filter(isElement))),
    finish: move(fused.stores(group.members.filter((m) => !isElement(m)))),
    reductions: fused.reductions.map((r) => ({ ...r, value: rewriter.expr(r.value), position: rewriter.index(r.position) })),
  };
}

/** As wide as the registers allow, but not wider than the columns need. */
function tileFor(n: number, widest: Tile): Tile {
  let vectors = widest.vectors;
  while (vectors > 1 && n <= (vectors / 2) * widest.lanes) vectors /= 2;
  return { ...widest, vectors };
}

/** Straight from memory where the offset is a row part plus a column part. */
function leftOperand(a: Expr, flat: Flat, context: ContractContext): ContractNest['left'] {
  return directOperand(a, flat, context) ?? packedLayout(a, flat);
}

function directOperand(a: Expr, flat: Flat, context: ContractContext): DirectOperand | undefined {
  if (a.kind !== 'load' || a.dtype !== 'f32') return undefined;
  const rowTerms = a.ix.terms.filter((t) => !ix.uses(ix.ixOf(t.atom), flat.k));
  const columnTerms = a.ix.terms.filter((t) => ix.uses(ix.ixOf(t.atom), flat.k));
  const column = ix.add(...columnTerms.map((t) => ix.scale(ix.ixOf(t.atom), t.coefficient)));
  if (ix.uses(column, flat.m) || ix.uses(column, flat.batch) || hasData(a)) return undefined;
  const row = ix.offset(ix.add(...rowTerms.map((t) => ix.scale(ix.ixOf(t.atom), t.coefficient))), a.ix.constant);
  const step = ix.coefficientOf(column, flat.k);
  const buffer = a.source as Buffer;
  if (step !== undefined) return step > MAX_DIRECT_STEP && flat.k.size > 32 ? undefined : { buffer, row, step, table: undefined };
  return { buffer, row, step: 0, table: context.table('offsets', tabulateIx(ix.scale(column, BYTES_PER_ELEMENT), flat.k)) };
}

function hasData(a: Expr): boolean {
  return loadsOf(a).length > 1;
}

function packedLayout(a: Expr, flat: Flat): 'mk' | 'km' {
  let alongM = 0;
  let alongK = 0;
  for (const l of loadsOf(a)) {
    const size = (l.source as Buffer).size;
    if (ix.coefficientOf(l.ix, flat.m) === 1) alongM += size;
    else alongK += size;
  }
  return alongM > alongK ? 'km' : 'mk';
}

function blockPhases(s: Shape, epilogue: Epilogue, context: ContractContext): Phase[] {
  const { flat, tile } = s;
  const width = tile.vectors * tile.lanes;
  const panels = Math.ceil(flat.n.size / width);
  const packed = context.scratch('panels', flat.batch.size * panels * flat.k.size * width);
  const pack: PackNest = { kind: 'pack', batch: flat.batch, n: flat.n, k: flat.k, b: s.b, packed, tile };
  const block = { m: rowsPerBlock(flat, tile), n: Math.min(panels * width, BLOCK_N), k: summedPerBlock(flat.k.size) };
  const blocks = flat.batch.size * Math.ceil(flat.m.size / block.m);
  const { reductions } = epilogue;
  const chunks = reductions.length > 0 ? Math.min(STATISTICS_CHUNKS, blocks) : blocks * Math.ceil(flat.n.size / block.n);
  const partial = reductions.length > 0 ? context.scratch('partial', chunks * wordsOf(reductions) * flat.n.size) : undefined;
  const nest: ContractNest = { kind: 'contract', ...flat, a: s.a, b: s.b, left: s.left, packed, stores: epilogue.element, reductions, partial, tile, block, chunks, splitK: false, columnSums: undefined };
  if (!partial) return [[pack], [nest]];
  const finish: FinishNest = {
    kind: 'finish', vars: [flat.n], inputs: finishInputs(reductions, partial, [flat.n]), chunks, pieces: blocks, perPiece: block.m, total: flat.m.size, stores: epilogue.finish,
  };
  return [[pack], [nest], [finish]];
}

/** Split k: partial products, then their sum in order with the epilogue. */
function splitPhases(s: Shape, epilogue: Epilogue, context: ContractContext): Phase[] {
  const { flat, tile } = s;
  const width = tile.vectors * tile.lanes;
  const blockK = summedPerBlock(flat.k.size);
  const chunks = Math.min(MAX_SPLITS, Math.ceil(flat.k.size / (2 * blockK)));
  const padded = roundUp(flat.n.size, width);
  const chunkStride = flat.batch.size * flat.m.size * padded;
  const partial = context.scratch('partial', chunks * chunkStride);
  const columnSums = epilogue.reductions.length > 0 ? context.scratch('column sums', chunks * padded) : undefined;
  const block = { m: Math.min(roundUp(flat.m.size, tile.rows), 4 * BLOCK_M), n: Math.min(padded, BLOCK_N), k: blockK };
  const nest: ContractNest = { kind: 'contract', ...flat, a: s.a, b: s.b, left: s.left, packed: undefined, stores: [], reductions: [], partial, tile, block, chunks, splitK: true, columnSums };
  const reduction: Reduction = { name: 'product', monoid: monoids.sum, input: 'f32', value: s.a, position: ix.constant(0), count: chunks };
  const row = ix.add(ix.scale(ix.ixOf(flat.batch), flat.m.size), ix.ixOf(flat.m));
  const input: FinishInput = { reduction, partial, ix: ix.add(ix.scale(row, padded), ix.ixOf(flat.n)), wordStride: 0, chunkStride };
  const vars = [flat.batch, flat.m, flat.n].filter((v) => v.size > 1);
  const finishes: FinishNest[] = [{ kind: 'finish', vars, inputs: [input], chunks, pieces: chunks, perPiece: 1, total: chunks, stores: epilogue.element }];
  if (columnSums) finishes.push(sumsFinish(epilogue, columnSums, flat, padded, chunks));
  return [[nest], finishes];
}

/** Joins the sums of b's columns; several sums of one operand are one. */
function sumsFinish(epilogue: Epilogue, columnSums: Buffer, flat: Flat, padded: number, chunks: number): FinishNest {
  const inputs = epilogue.reductions.map((reduction): FinishInput => ({ reduction, partial: columnSums, ix: ix.ixOf(flat.n), wordStride: 0, chunkStride: padded }));
  return { kind: 'finish', vars: [flat.n], inputs, chunks, pieces: chunks, perPiece: 1, total: chunks, stores: epilogue.finish };
}

/** Rows of a block: small enough for every thread to have several; statistics need blocks that divide the rows. */
function rowsPerBlock(flat: Flat, tile: Tile): number {
  const wanted = Math.min(BLOCK_M, roundUp(Math.ceil((flat.batch.size * flat.m.size) / MIN_UNITS), tile.rows));
  return Math.max(tile.rows, wanted);
}

/** Summed indices of a block: a multiple of the run that is contiguous in memory, so that packing stays vectorized. */
function summedPerBlock(k: number): number {
  if (k <= BLOCK_K + 128) return k;
  for (let size = BLOCK_K + 64; size >= BLOCK_K - 96; size -= 32) if (k % size === 0) return size;
  return BLOCK_K;
}

function roundUp(x: number, to: number): number {
  return Math.ceil(x / to) * to;
}

/** Turns a group of fused loops into nests: a map, a reduction with its finish, or a walk over rows. */
import { monoids } from '../graph/index.ts';
import type { Monoid } from '../graph/index.ts';
import { ix, local } from '../scalar/index.ts';
import type { Expr, Var } from '../scalar/index.ts';
import type { Group, Member } from './group.ts';
import { simplifyLoops, splitPrefix } from './loops.ts';
import type { FinishInput, MapNest, ReduceNest, Reduction, Store } from './nest.ts';
import type { Buffer, Phase } from './plan.ts';
import { Rewriter, visit } from './rewrite.ts';
import { domainVars } from './task.ts';
import { reduceAttrs } from './vertex.ts';
import { walkNests } from './fuse-walk.ts';
import { flatPosition, product } from './flat.ts';

/** A chunk of a reduction is at least this many elements, so that joining the chunks costs nothing. */
const MIN_CHUNK = 8192;
const MAX_CHUNKS = 64;

/** What the nest builders need from the scheduler. */
export interface NestContext {
  /** True if the buffer is read outside the group or must exist after the step. */
  readonly needed: (b: Buffer) => boolean;
  /** A new temporary buffer. */
  readonly scratch: (name: string, size: number) => Buffer;
}

/** A group's members with loads of each other's results replaced by the values themselves. */
export class Fused {
  readonly group: Group;
  readonly reductions: Reduction[] = [];
  readonly context: NestContext;
  private readonly rewriter: Rewriter;
  private readonly byBuffer: ReadonlyMap<unknown, Member>;
  private readonly reductionOf = new Map<Member, Reduction>();
  private readonly roundedOf = new Map<Member, Expr>();

  constructor(group: Group, context: NestContext) {
    this.group = group;
    this.context = context;
    this.byBuffer = new Map(group.members.map((m) => [m.task.buffer, m]));
    this.rewriter = new Rewriter(new Map(), (l) => {
      const maker = this.byBuffer.get(l.source);
      return maker && this.result(maker);
    });
  }

  /** The value of a map member, or the input of a reduce member. */
  value(m: Member): Expr { return this.rewriter.expr(m.value); }

  /** What other members see of a member. */
  result(m: Member): Expr {
    if (m.task.kind === 'dot') return local('product.value', m.task.buffer.dtype);
    if (!m.reduce) return this.context.needed(m.task.buffer) ? this.asStored(m) : this.value(m);
    return local(`${this.reduction(m).name}.${reduceAttrs(m.task.vertex).field}`, m.task.buffer.dtype);
  }

  /** A product that lies in memory is rounded for this group's members as it is for all others: a cast keeps it out of a fused multiply-add. */
  private asStored(m: Member): Expr {
    const value = this.value(m);
    if (value.kind !== 'op' || value.fn !== 'mul' || value.dtype !== 'f32') return value;
    const known = this.roundedOf.get(m);
    if (known) return known;
    const rounded: Expr = { kind: 'op', dtype: 'f32', fn: 'cast', args: [value] };
    this.roundedOf.set(m, rounded);
    return rounded;
  }

  /** The reduction that computes a reduce member; fields of one monoid over one value share it. */
  reduction(m: Member): Reduction {
    const known = this.reductionOf.get(m);
    if (known) return known;
    const { vertex, reduced } = m.task;
    const monoid: Monoid = monoids[reduceAttrs(vertex).monoid as keyof typeof monoids];
    const value = this.value(m);
    const twin = [...this.reductionOf].find(([o, r]) => r.monoid === monoid && r.value === value && o.level === m.level && o.task.reduced.join() === reduced.join());
    const over = m.level === 'row' ? m.task.domain.map((_, p) => this.rowVars()[p]) : reduced.map((p) => (m.operand ? domainVars(m.task.domain) : this.group.vars)[p]);
    const made = twin?.[1] ?? {
      name: `r${m.task.id}`, monoid, input: vertex.inputs[0].node.dtype, value, position: flatPosition(over), count: over.reduce((n, v) => n * v.size, 1),
    };
    this.reductionOf.set(m, made);
    if (!twin) this.reductions.push(made);
    return made;
  }

  /** Stores of the members that are needed outside. */
  stores(members: readonly Member[]): readonly Store[] {
    return members.filter((m) => this.context.needed(m.task.buffer)).map((m) => ({ buffer: m.task.buffer, ix: m.store, value: this.result(m) }));
  }

  rowVars(): readonly Var[] { return this.group.vars.filter((_, p) => !this.group.cols!.includes(p)); }
}

export function loopPhases(group: Group, context: NestContext): Phase[] {
  const fused = new Fused(group, context);
  const reduces = group.members.filter((m) => m.reduce);
  if (reduces.length === 0) return [[mapNest(group.vars, fused.stores(group.members))]];
  for (const m of reduces) fused.reduction(m);
  return needsWalk(fused) ? walkNests(fused) : reduceNests(fused);
}

export function mapNest(vars: readonly Var[], stores: readonly Store[]): MapNest {
  const loops = simplifyLoops({ sets: [vars], exprs: stores.map((s) => s.value), indices: stores.map((s) => s.ix) });
  return { kind: 'map', vars: loops.sets[0], stores: stores.map((s, i) => ({ buffer: s.buffer, ix: loops.indices[i], value: loops.exprs[i] })) };
}

/** A walk is needed where a row's reduction is used while its row is still at hand. */
function needsWalk(fused: Fused): boolean {
  const { group } = fused;
  if (!group.cols) return false;
  if (group.members.some((m) => m.reduce === 'accumulate')) return true;
  const names = new Set(fused.reductions.map((r) => r.name));
  return group.members.some((m) => m.level === 'element' && usesLocals(fused.value(m), names));
}

export function usesLocals(e: Expr, names: ReadonlySet<string>): boolean {
  let found = false;
  visit([e], (x) => { if (x.kind === 'local' && names.has(x.name.split('.')[0])) found = true; });
  return found;
}

function reduceNests(fused: Fused): Phase[] {
  const { group } = fused;
  const reduced = group.members.find((m) => m.reduce)!.task.reduced;
  const lastReduced = Math.max(-1, ...reduced);
  const outer = group.vars.filter((_, p) => !reduced.includes(p) && p < lastReduced);
  const inner = group.vars.filter((_, p) => !reduced.includes(p) && p > lastReduced);
  const over = group.vars.filter((_, p) => reduced.includes(p));
  const isElement = (m: Member): boolean => m.level === 'element' && !m.reduce;
  const stores = fused.stores(group.members.filter(isElement));
  const finish = fused.stores(group.members.filter((m) => !isElement(m)));
  return buildReduce({ outer, over, inner, stores, finish, reductions: fused.reductions, context: fused.context });
}

interface ReduceParts {
  readonly outer: readonly Var[]; readonly over: readonly Var[]; readonly inner: readonly Var[];
  readonly stores: readonly Store[]; readonly finish: readonly Store[]; readonly reductions: readonly Reduction[]; readonly context: NestContext;
}

function buildReduce(parts: ReduceParts): Phase[] {
  const { stores, finish, reductions } = parts;
  const loops = simplifyLoops({
    sets: [parts.outer, parts.over, parts.inner],
    exprs: [...reductions.map((r) => r.value), ...stores.map((s) => s.value), ...finish.map((s) => s.value)],
    indices: [...reductions.filter((r) => r.monoid.positional).map((r) => r.position), ...stores.map((s) => s.ix), ...finish.map((s) => s.ix)],
  });
  const [outer, reduce, inner] = loops.sets;
  const positional = reductions.filter((r) => r.monoid.positional);
  const newReductions = reductions.map((r, i) => ({ ...r, value: loops.exprs[i], position: r.monoid.positional ? loops.indices[positional.indexOf(r)] : r.position }));
  const remade = (list: readonly Store[], at: number): Store[] => list.map((s, i) => ({ buffer: s.buffer, value: loops.exprs[reductions.length + at + i], ix: loops.indices[positional.length + at + i] }));
  const kept = product(outer) * product(inner);
  const chunks = chunkCount(product(reduce) * kept, product(outer), cuttable(reduce, inner));
  const words = wordsOf(reductions);
  const partial = chunks > 1 ? parts.context.scratch('partial', chunks * words * kept) : undefined;
  const nest: ReduceNest = { kind: 'reduce', outer, reduce, inner, reductions: newReductions, stores: remade(stores, 0), chunks, partial, finish: remade(finish, stores.length) };
  if (!partial) return [[nest]];
  const { pieces, perPiece } = splitPrefix(reduce, chunks);
  const inputs = finishInputs(newReductions, partial, [...outer, ...inner]);
  return [[nest], [{ kind: 'finish', vars: [...outer, ...inner], inputs, chunks, pieces, perPiece, total: pieces * perPiece, stores: nest.finish }]];
}

/** The reductions of one partial buffer [chunks, words, kept], stacked word after word. */
export function finishInputs(reductions: readonly Reduction[], partial: Buffer, vars: readonly Var[]): FinishInput[] {
  const kept = product(vars);
  const chunkStride = wordsOf(reductions) * kept;
  let words = 0;
  return reductions.map((reduction) => {
    const base = ix.offset(flatPosition(vars), words * kept);
    words += wordsOf([reduction]);
    return { reduction, partial, ix: base, wordStride: kept, chunkStride };
  });
}

export function wordsOf(reductions: readonly Reduction[]): number {
  return reductions.reduce((n, r) => n + r.monoid.stateTypes(r.input).length, 0);
}

/** The loops that may be cut: rows of several loops are cut between runs of the innermost. */
function cuttable(reduce: readonly Var[], inner: readonly Var[]): readonly Var[] {
  return inner.length === 0 && reduce.length > 1 ? reduce.slice(0, -1) : reduce;
}

function chunkCount(elements: number, outer: number, reduce: readonly Var[]): number {
  const wanted = Math.min(MAX_CHUNKS, Math.floor(elements / MIN_CHUNK), Math.ceil(MAX_CHUNKS / outer), product(reduce));
  return Math.max(1, wanted);
}

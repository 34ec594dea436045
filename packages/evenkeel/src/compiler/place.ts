/** Legality of fusion: whether, and where in a group's loops, a task can run. */
import { sameShape } from '../base/index.ts';
import { ix } from '../scalar/index.ts';
import type { Ix, Var } from '../scalar/index.ts';
import type { Group, Level, Member } from './group.ts';
import { indexLoadsOf, loadsOf } from './rewrite.ts';
import { domainVars, dotSizes, storeIndex, workAt } from './task.ts';
import type { Task, Tasks } from './task.ts';
import { splitsK } from './split.ts';
import { dotAttrs, reduceAttrs } from './vertex.ts';

/** A row reduction needs this many rows to keep threads busy, unless the whole domain is small. */
const MIN_ROWS = 16;
const SMALL_DOMAIN = 1 << 15;
/** Monoids that a walk can accumulate in memory element by element (no counts, one word of state). */
const SIMPLE = new Set(['sum', 'max', 'min', 'prod']);

/** The member that `task` would be in `group`, or the reason why it can't be. */
export function placeIn(task: Task, group: Group, all: Tasks): Member | string {
  let reason = 'different loops';
  for (const spot of spots(task, group)) {
    const member = memberAt(task, spot, all);
    const problem = clash(member, group, all);
    if (problem === undefined) return member;
    reason = problem;
  }
  return reason;
}

interface Spot { readonly level: Level; readonly reduce?: 'row' | 'accumulate'; readonly operand?: boolean; readonly at: readonly Ix[]; readonly kept: readonly Var[] }

/** The levels at which the task's loops fit the group's. */
function* spots(task: Task, group: Group): Generator<Spot> {
  const points = sameShape(task.domain, group.domain) || (task.kind === 'map' && group.kind === 'loops') ? indexIn(task.domain, group.vars) : undefined;
  if (points && task.kind === 'map') yield { level: 'element', at: points, kept: group.vars };
  else if (points) {
    const reduce = reduceKind(task, group);
    const kept = group.vars.filter((_, p) => !task.reduced.includes(p));
    if (reduce) yield { level: 'element', reduce, at: points, kept };
  }
  if (sumsRightOperand(task, group)) yield { level: 'element', reduce: 'accumulate', operand: true, at: each(domainVars(task.domain)), kept: group.vars.slice(group.columnsFrom) };
  const rows = group.cols && group.vars.filter((_, p) => !group.cols!.includes(p));
  if (rows && sameShape(task.domain, rows.map((v) => v.size))) {
    if (task.kind === 'map') yield { level: 'row', at: each(rows), kept: rows };
    else if (task.reduced.length === rows.length && SIMPLE.has(reduceAttrs(task.vertex).monoid)) yield { level: 'row', reduce: 'accumulate', at: each(rows), kept: [] };
  }
  if (task.kind !== 'map') return;
  for (const m of group.members) {
    if (m.reduce === 'accumulate' && sameShape(task.domain, m.kept.map((v) => v.size))) yield { level: 'finish', at: each(m.kept), kept: m.kept };
  }
}

function each(vars: readonly Var[]): Ix[] {
  return vars.map((v) => ix.ixOf(v));
}

/** Where in `domain` the loops over `vars` are, if they are its loops, or neighbours of them split into finer ones. */
function indexIn(domain: readonly number[], vars: readonly Var[]): Ix[] | undefined {
  let next = 0;
  const at = domain.map((extent) => {
    let index = ix.constant(0), size = 1;
    for (; size < extent && next < vars.length; next++) {
      index = ix.add(ix.scale(index, vars[next].size), ix.ixOf(vars[next]));
      size *= vars[next].size;
    }
    return size === extent ? index : undefined;
  });
  return next === vars.length && at.every((index) => index !== undefined) ? at : undefined;
}

/** A sum of the right operand over the indices that the product sums (a bias gradient beside a weight gradient), where k is cut into shares. */
function sumsRightOperand(task: Task, group: Group): boolean {
  if (group.kind !== 'contract' || task.kind !== 'reduce' || reduceAttrs(task.vertex).monoid !== 'sum') return false;
  const dot = group.members[0].task.vertex;
  const { batch, contract } = dotAttrs(dot);
  const { axes } = reduceAttrs(task.vertex);
  const over = axes.length === contract && axes.every((a, i) => a === i);
  return batch === 0 && over && task.vertex.inputs[0] === dot.inputs[1] && task.vertex.node.dtype === 'f32' && splitsK(dot);
}

function reduceKind(task: Task, group: Group): 'row' | 'accumulate' | undefined {
  if (group.kind === 'contract') {
    if (splitsK(group.members[0].task.vertex)) return undefined;
    const allRows = task.reduced.length === group.columnsFrom && task.reduced.every((p) => p < group.columnsFrom);
    const oneBatch = dotSizes(group.members[0].task.vertex).batch === 1;
    return oneBatch && allRows && group.columnsFrom < group.domain.length ? 'accumulate' : undefined;
  }
  if (group.cols) {
    if (sameShape(task.reduced, group.cols)) return 'row';
    return accumulatesInWalk(task, group) ? 'accumulate' : undefined;
  }
  const total = group.domain.reduce((a, b) => a * b, 1);
  const rows = group.domain.reduce((a, extent, p) => (task.reduced.includes(p) ? a : a * extent), 1);
  const rowLike = task.reduced.includes(group.domain.length - 1) && (rows >= MIN_ROWS || total <= SMALL_DOMAIN);
  const others = group.members.filter((m) => m.reduce === 'accumulate');
  if (rowLike) return others.every((m) => accumulatesInWalk(m.task, group)) ? 'row' : undefined;
  return others.every((m) => sameShape(m.task.reduced, task.reduced)) ? 'accumulate' : undefined;
}

/** In a walk of rows, a reduction over rows keeps its partial results in memory, one vector of columns at a time. */
function accumulatesInWalk(task: Task, group: Group): boolean {
  return SIMPLE.has(reduceAttrs(task.vertex).monoid) && !task.reduced.includes(group.domain.length - 1);
}

function memberAt(task: Task, spot: Spot, all: Tasks): Member {
  return { task, level: spot.level, reduce: spot.reduce, operand: spot.operand, kept: spot.kept, value: workAt(task, all.lowering, spot.at), store: storeIndex(task, spot.kept) };
}

/** Why the member can't be in the group, if so. */
function clash(member: Member, group: Group, all: Tasks): string | undefined {
  const own = new Map(group.members.map((m) => [m.task, m]));
  for (const load of loadsOf(member.value)) {
    const producer = all.producer.get(load.source);
    const other = producer && own.get(producer);
    if (!other) continue;
    if (other.store.key !== load.ix.key) return `reads ${load.source.name} at another index`;
    if (!visible(other, member)) return `needs ${load.source.name} complete`;
  }
  for (const load of indexLoadsOf(member.value)) {
    const producer = all.producer.get(load.source);
    if (producer && own.has(producer) && !isPlain(own.get(producer)!, own, all)) return `is indexed by ${load.source.name}`;
  }
  for (const other of group.members) {
    const overwrites = member.task.before.has(other.task) ? [other, member] : other.task.before.has(member.task) ? [member, other] : undefined;
    if (overwrites && !sameIndexOnly(overwrites[0], overwrites[1])) return `overwrites ${overwrites[1].task.buffer.name} while it is read`;
  }
  return undefined;
}

/** Whether a member's value is loads and arithmetic: results of reductions and products lie in vectors, which address nothing. */
function isPlain(member: Member, own: ReadonlyMap<Task, Member>, all: Tasks): boolean {
  if (member.reduce || member.task.kind === 'dot') return false;
  return loadsOf(member.value).every((load) => {
    const maker = own.get(all.producer.get(load.source)!);
    return !maker || isPlain(maker, own, all);
  });
}

/** Whether `reader` runs where `maker`'s result is at hand. */
function visible(maker: Member, reader: Member): boolean {
  if (reader.level === 'finish') {
    const sameKept = sameShape(maker.kept.map((v) => v.size), reader.kept.map((v) => v.size)) && maker.kept.every((v, i) => v.key === reader.kept[i].key);
    return sameKept && (maker.reduce === 'accumulate' || maker.level === 'finish');
  }
  if (maker.level === 'finish' || maker.reduce === 'accumulate') return false;
  return reader.level === 'element' || maker.level === 'row' || maker.reduce === 'row';
}

/** Every load that `reader` makes of the ref that `writer` overwrites is at the element being written. */
function sameIndexOnly(reader: Member, writer: Member): boolean {
  if (reader.level !== 'element' || writer.level !== 'element' || writer.reduce || writer.task.kind === 'dot' || reader.task.kind === 'dot') return false;
  const ref = writer.task.buffer.ref;
  return loadsOf(reader.value).every((l) => (l.source as { ref?: object }).ref !== ref || l.ix.key === writer.store.key);
}

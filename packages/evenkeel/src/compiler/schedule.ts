/** Orders groups, turns them into kernels, and joins neighbours that don't depend on each other. */
import { BYTES_PER_ELEMENT } from '../base/index.ts';
import { contractPhases } from './fuse-contract.ts';
import { loopPhases } from './fuse-loops.ts';
import { product } from './flat.ts';
import { predecessors } from './group.ts';
import type { Group } from './group.ts';
import type { Nest, Tile } from './nest.ts';
import type { Buffer, Kernel, Phase } from './plan.ts';
import { countFlops } from './flops.ts';
import { asReady } from './ready.ts';
import type { Task, Tasks } from './task.ts';

export interface Schedule {
  readonly kernels: readonly Kernel[];
  /** Buffers made for kernels: partial results, packed panels, offset tables. */
  readonly extra: readonly Buffer[];
  /** Buffers that no kernel stores because every reader has the value at hand. */
  readonly elided: ReadonlySet<Buffer>;
}

/** A kernel in the making; a group's phases begin at `from`. */
interface Draft { readonly groups: { readonly group: Group; readonly from: number; readonly phases: readonly Phase[] }[]; readonly phases: Nest[][] }

export function schedule(groups: readonly Group[], all: Tasks, outputs: ReadonlySet<Buffer>, tile: Tile): Schedule {
  const extra: Buffer[] = [];
  const groupOf = new Map<Task, Group>(groups.flatMap((g) => g.members.map((m) => [m.task, g] as const)));
  const elided = elidedBuffers(groups, outputs);
  const make = (name: string, size: number, more: Partial<Buffer>): Buffer => {
    const buffer: Buffer = { name, dtype: 'f32', shape: [size], size, kind: 'temp', offset: -1, ...more };
    extra.push(buffer);
    return buffer;
  };
  const context = {
    needed: (b: Buffer) => !elided.has(b),
    scratch: (name: string, size: number) => make(name, size, {}),
    table: (name: string, data: Int32Array) => make(name, data.length, { dtype: 'i32', kind: 'constant', data }),
    tile,
  };
  const drafts: Draft[] = [];
  for (const group of order(groups, groupOf)) {
    const phases = group.kind === 'contract' ? contractPhases(group, all, context) : loopPhases(group, context);
    const last = drafts.at(-1);
    const from = last && joinsAt(last, phases, groupNeeds(group, groupOf));
    if (from !== undefined) join(last!, group, phases, from);
    else drafts.push({ groups: [{ group, from: 0, phases }], phases: phases.map((p) => [...p]) });
  }
  return { kernels: drafts.map((d) => kernelOf(d, elided)), extra, elided };
}

function elidedBuffers(groups: readonly Group[], outputs: ReadonlySet<Buffer>): Set<Buffer> {
  const readers = new Map<Buffer, Set<Group>>();
  for (const g of groups) for (const m of g.members) for (const b of m.task.reads) {
    if (!readers.has(b)) readers.set(b, new Set());
    readers.get(b)!.add(g);
  }
  const elided = new Set<Buffer>();
  for (const g of groups) {
    for (const { task } of g.members) {
      if (task.buffer.kind !== 'temp' || outputs.has(task.buffer)) continue;
      if ([...(readers.get(task.buffer) ?? [])].every((r) => r === g)) elided.add(task.buffer);
    }
  }
  return elided;
}

/** Trace order, but groups that only write refs and outputs wait, so that updates end up side by side; unless that would hold much memory. */
function order(groups: readonly Group[], groupOf: ReadonlyMap<Task, Group>): Group[] {
  const needs = new Map(groups.map((g) => [g, groupNeeds(g, groupOf)]));
  const needed = new Set<Group>([...[...needs.values()].flatMap((s) => [...s]), ...groups.filter(freesMore)]);
  return asReady(groups, { needs: (g) => needs.get(g)!, comesFirst: (g) => needed.has(g) });
}

/** Whether a group reads larger temporaries than it writes (a weight gradient): if it waited, they would fill the arena until the end. */
function freesMore(group: Group): boolean {
  const tasks = group.members.map((m) => m.task);
  const made = new Set(tasks.map((t) => t.buffer));
  const read = new Set(tasks.flatMap((t) => [...t.reads]).filter((b) => b.kind === 'temp' && !made.has(b)));
  const elements = (buffers: ReadonlySet<Buffer>): number => [...buffers].reduce((n, b) => n + b.size, 0);
  return elements(read) > elements(made);
}

function groupNeeds(group: Group, groupOf: ReadonlyMap<Task, Group>): Set<Group> {
  const needs = new Set<Group>();
  for (const m of group.members) for (const p of predecessors(m.task)) {
    const g = groupOf.get(p);
    if (g && g !== group) needs.add(g);
  }
  return needs;
}

/** The phase of a kernel at which a group can run beside its others; undefined where it needs one of them complete. */
function joinsAt(draft: Draft, phases: readonly Phase[], needs: ReadonlySet<Group>): number | undefined {
  const before = draft.groups.filter((g) => needs.has(g.group));
  if (!phases.every(isTiny) && !before.every((g) => g.phases.every(isTiny))) return undefined;
  return Math.max(0, ...before.map((g) => g.from + g.phases.length));
}

/** A counter or another scalar on the way: not worth a kernel, it becomes a phase of its neighbour. */
function isTiny(phase: Phase): boolean {
  return phase.every((nest) => nest.kind === 'map' && product(nest.vars) === 1);
}

function join(draft: Draft, group: Group, phases: readonly Phase[], from: number): void {
  draft.groups.push({ group, from, phases });
  phases.forEach((phase, p) => {
    const i = from + p;
    if (i < draft.phases.length) draft.phases[i].push(...phase);
    else draft.phases.push([...phase]);
  });
}

function kernelOf(draft: Draft, elided: ReadonlySet<Buffer>): Kernel {
  const groups = draft.groups.map((g) => g.group);
  const members = groups.flatMap((g) => g.members);
  const writes = [...new Set(members.map((m) => m.task.buffer))].filter((b) => !elided.has(b));
  const made = new Set(members.map((m) => m.task.buffer));
  const reads = [...new Set(members.flatMap((m) => [...m.task.reads]))].filter((b) => !made.has(b));
  const bytes = (list: readonly Buffer[]): number => list.reduce((n, b) => n + b.size * BYTES_PER_ELEMENT, 0);
  return {
    name: groups.map(groupName).join(' | '), phases: draft.phases, reads, writes, bytesRead: bytes(reads), bytesWritten: bytes(writes),
    flops: countFlops(draft.phases), notes: groups.flatMap((g) => g.refusals),
  };
}

function groupName(group: Group): string {
  return group.members.map((m) => m.task.vertex.node.op.name + (m.reduce ? `.${(m.task.vertex.node.attrs as { field: string; monoid: string }).monoid}` : '')).join('+');
}

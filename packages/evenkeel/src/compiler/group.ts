/**
 * Fusion: tasks that walk the same loops share a kernel. A task joins the group with which it saves most bytes, if that is legal:
 * whatever it reads from the group must be there at the very same loop indices (equal normal forms), and no path may leave the
 * group and come back. Legality (place.ts) is apart from choice (here).
 */
import { BYTES_PER_ELEMENT, InternalError } from '../base/index.ts';
import { literal } from '../scalar/index.ts';
import type { Expr, Ix, Var } from '../scalar/index.ts';
import { GroupOrder } from './group-order.ts';
import type { Buffer } from './plan.ts';
import { placeIn } from './place.ts';
import { asReady } from './ready.ts';
import { domainVars, dotSizes, storeIndex } from './task.ts';
import type { Task, Tasks } from './task.ts';
import { dotAttrs } from './vertex.ts';

/**
 * Where in a group's loops a task runs. element: at every point; row: once for each row of a walk whose columns are reduced;
 * finish: after the walk, once for each kept index of a reduction.
 */
export type Level = 'element' | 'row' | 'finish';

export interface Member {
  readonly task: Task;
  readonly level: Level;
  /** map: the value; reduce: its input; dot: unused. */
  readonly value: Expr;
  /** Offset of the result in its buffer. */
  readonly store: Ix;
  /** row: reduced within a row and usable there; accumulate: complete only when the walk ends. */
  readonly reduce?: 'row' | 'accumulate';
  /** contract: the reduction is over the right operand's summed indices, taken while it is packed. */
  readonly operand?: boolean;
  /** The variables that the result runs over. */
  readonly kept: readonly Var[];
}

export interface Group {
  readonly id: number;
  readonly kind: 'loops' | 'contract';
  readonly domain: readonly number[];
  readonly vars: readonly Var[];
  readonly members: Member[];
  /** loops: positions of the columns, once a member reduces rows. */
  cols: readonly number[] | undefined;
  /** contract: the position at which the columns (n) begin. */
  readonly columnsFrom: number;
  /** Why tasks that share data with it did not join. */
  readonly refusals: string[];
}

/** @returns groups whose members are in an order that respects what they read */
export function groupTasks(all: Tasks): Group[] {
  const groups: Group[] = [];
  const touching = new Map<Buffer, Set<Group>>();
  const order = new GroupOrder(all.tasks, predecessors);
  // Products before whatever else is ready, so that other work finds them to join.
  for (const task of asReady(all.tasks, { needs: (t) => t.needs, comesFirst: (t) => t.kind === 'dot', inRounds: true })) {
    const chosen = task.kind === 'dot' ? undefined : choose(task, all, order, touching);
    const group = chosen?.group ?? newGroup(groups, task);
    const member = chosen?.member ?? firstMember(task, group, all);
    group.members.push(member);
    if (member.reduce === 'row' && group.cols === undefined) group.cols = task.reduced;
    for (const buffer of [task.buffer, ...task.reads]) {
      if (!touching.has(buffer)) touching.set(buffer, new Set());
      touching.get(buffer)!.add(group);
    }
  }
  return groups;
}

function newGroup(groups: Group[], task: Task): Group {
  const columnsFrom = task.kind === 'dot' ? task.domain.length - columnDims(task) : task.domain.length;
  const group: Group = {
    id: groups.length, kind: task.kind === 'dot' ? 'contract' : 'loops', domain: task.domain, vars: domainVars(task.domain), members: [],
    cols: undefined, columnsFrom, refusals: [],
  };
  groups.push(group);
  return group;
}

function columnDims(task: Task): number {
  const { batch, contract } = dotAttrs(task.vertex);
  const n = task.vertex.inputs[1].node.shape.slice(batch + contract);
  return dotSizes(task.vertex).n === 1 ? 0 : n.filter((extent) => extent !== 1).length;
}

function firstMember(task: Task, group: Group, all: Tasks): Member {
  if (task.kind === 'dot') return { task, level: 'element', value: literal(0), store: storeIndex(task, group.vars), kept: group.vars };
  const placed = placeIn(task, group, all);
  if (typeof placed === 'string') throw new InternalError(`${task.buffer.name} does not fit loops of its own: ${placed}`);
  return placed;
}

function choose(task: Task, all: Tasks, order: GroupOrder<Task>, touching: ReadonlyMap<Buffer, Set<Group>>): { group: Group; member: Member } | undefined {
  const saved = new Map<Group, number>();
  for (const buffer of task.reads) {
    for (const group of touching.get(buffer) ?? []) {
      const made = group.members.some((m) => m.task.buffer === buffer);
      saved.set(group, (saved.get(group) ?? 0) + buffer.size * BYTES_PER_ELEMENT * (made ? 2 : 1));
    }
  }
  const ranked = [...saved].sort((x, y) => y[1] - x[1] || y[0].id - x[0].id);
  for (const [group, bytes] of ranked) {
    const member = placeIn(task, group, all);
    if (typeof member === 'string') group.refusals.push(`${task.buffer.name} (would save ${bytes} B): ${member}`);
    else if (!order.join(task, group.members[0].task)) group.refusals.push(`${task.buffer.name} (would save ${bytes} B): another kernel lies between them`);
    else return { group, member };
  }
  return undefined;
}

export function predecessors(task: Task): Task[] {
  return [...task.needs, ...task.before];
}

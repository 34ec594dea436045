/** One task fills one buffer. Tasks know what they read; grouping them into kernels comes next. */
import { InternalError, sameShape, sizeOf } from '../base/index.ts';
import type { DType } from '../base/index.ts';
import { ops } from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { ix } from '../scalar/index.ts';
import type { Expr, Ix, Source, Var } from '../scalar/index.ts';
import { Lowering } from './cell.ts';
import { loadsOf } from './rewrite.ts';
import type { Buffer } from './plan.ts';
import { isUnrolled, throughReshapes } from './storage.ts';
import type { Storage } from './storage.ts';
import { dotAttrs, reduceAttrs } from './vertex.ts';
import type { Simplified, Vertex } from './vertex.ts';

export interface Task {
  readonly id: number;
  readonly vertex: Vertex;
  readonly kind: 'map' | 'reduce' | 'dot';
  readonly buffer: Buffer;
  /** The loop extents: of the result for a map or dot, of the input for a reduce; extents of 1 are left out. */
  readonly domain: readonly number[];
  /** reduce: positions in `domain` that are reduced. */
  readonly reduced: readonly number[];
  /** Tasks whose buffers this one reads, and tasks that must run before because they read what this one overwrites. */
  readonly needs: Set<Task>;
  readonly before: Set<Task>;
  /** Everything it reads. */
  readonly reads: ReadonlySet<Buffer>;
}

export interface Tasks {
  readonly tasks: readonly Task[];
  readonly lowering: Lowering;
  readonly buffers: readonly Buffer[];
  readonly bufferOf: ReadonlyMap<Vertex, Buffer>;
  readonly producer: ReadonlyMap<Source, Task>;
}

/** Loop variable number `position` of a domain; the same for every kernel, so that indices can be compared between tasks. */
export function domainVar(position: number, extent: number): Var {
  return ix.variable(`d${position}_${extent}`, extent);
}

export function domainVars(domain: readonly number[]): Var[] {
  return domain.map((extent, position) => domainVar(position, extent));
}

/** A multi-index of `shape` whose axes other than 1 are `at` in turn. */
function indexAt(shape: readonly number[], at: readonly Ix[]): Ix[] {
  let next = 0;
  return shape.map((extent) => (extent === 1 ? ix.constant(0) : at[next++]));
}

export function withoutOnes(shape: readonly number[]): number[] {
  return shape.filter((extent) => extent !== 1);
}

/** The expression of a task's work at an index of its domain: the value of a map, the input of a reduce. */
export function workAt(task: Task, lowering: Lowering, at: readonly Ix[]): Expr {
  const v = task.vertex;
  if (task.kind === 'map') return lowering.compute(v, indexAt(v.node.shape, at));
  return lowering.cell(v.inputs[0], indexAt(v.inputs[0].node.shape, at));
}

/** The same over given variables. */
function workOf(task: Task, lowering: Lowering, vars: readonly Var[]): Expr {
  return workAt(task, lowering, vars.map((v) => ix.ixOf(v)));
}

/** The two operands of a dot over flat variables for batch, rows, columns and the summed index. */
export function operandsOf(task: Task, lowering: Lowering, at: { batch: Ix; m: Ix; n: Ix; k: Ix }): { a: Expr; b: Expr } {
  const [left, right] = task.vertex.inputs;
  const { batch, contract } = dotAttrs(task.vertex);
  const [sa, sb] = [left.node.shape, right.node.shape];
  const part = (flat: Ix, shape: readonly number[]): Ix[] => unflattenShape(flat, shape);
  const batchIndex = part(at.batch, sa.slice(0, batch));
  const k = part(at.k, sa.slice(sa.length - contract));
  return {
    a: lowering.cell(left, [...batchIndex, ...part(at.m, sa.slice(batch, sa.length - contract)), ...k]),
    b: lowering.cell(right, [...batchIndex, ...k, ...part(at.n, sb.slice(batch + contract))]),
  };
}

export function unflattenShape(flat: Ix, shape: readonly number[]): Ix[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return ix.unflatten(flat, shape, strides);
}

/** Flat sizes of a dot. */
export function dotSizes(v: Vertex): { batch: number; m: number; n: number; k: number } {
  const { batch, contract } = dotAttrs(v);
  const [sa, sb] = [v.inputs[0].node.shape, v.inputs[1].node.shape];
  return {
    batch: sizeOf(sa.slice(0, batch)), m: sizeOf(sa.slice(batch, sa.length - contract)),
    n: sizeOf(sb.slice(batch + contract)), k: sizeOf(sa.slice(sa.length - contract)),
  };
}

export function makeTasks(graph: Simplified, storage: Storage): Tasks {
  const buffers: Buffer[] = [];
  const bufferOf = new Map<Vertex, Buffer>();
  const add = (v: Vertex, kind: Buffer['kind'], more: Partial<Buffer> = {}): Buffer => {
    const buffer: Buffer = {
      name: `${v.node.op.name}${v.id}`, dtype: v.node.dtype, shape: v.node.shape, size: sizeOf(v.node.shape), kind, offset: -1, where: v.node.where, ...more,
    };
    buffers.push(buffer);
    return buffer;
  };
  for (const v of graph.vertices) {
    if (storage.leaves.has(v)) bufferOf.set(v, add(v, leafKind(v), leafExtras(v)));
    else if (storage.stored.has(v)) bufferOf.set(v, add(v, 'temp'));
  }
  const lowering = new Lowering((v) => bufferOf.get(throughReshapes(v)));
  const tasks: Task[] = [];
  for (const v of graph.vertices) if (storage.stored.has(v)) tasks.push(taskOf(tasks.length, v, bufferOf.get(v)!, lowering));
  commitAssigns(graph, tasks, bufferOf, buffers, lowering);
  const live = tasks.filter((t) => t.buffer.size > 0);
  const producer = new Map<Source, Task>(live.map((t) => [t.buffer, t]));
  for (const task of live) for (const buffer of task.reads) if (producer.has(buffer)) task.needs.add(producer.get(buffer)!);
  return { tasks: live, lowering, buffers, bufferOf, producer };
}

function leafKind(v: Vertex): Buffer['kind'] {
  return v.node.op.name as 'input' | 'constant' | 'ref';
}

function leafExtras(v: Vertex): Partial<Buffer> {
  const attrs = v.node.attrs as { data?: Buffer['data']; ref?: { name?: string } };
  if (v.node.op.name === 'constant') return { data: attrs.data };
  return v.node.op.name === 'ref' ? { ref: attrs.ref, name: `${attrs.ref?.name ?? 'ref'}#${v.id}` } : {};
}

function taskOf(id: number, v: Vertex, buffer: Buffer, lowering: Lowering): Task {
  const kind = v.node.op.kind === 'contract' ? 'dot' : v.node.op.kind === 'reduce' && !isUnrolled(v) ? 'reduce' : 'map';
  const full = kind === 'reduce' ? v.inputs[0].node.shape : v.node.shape;
  const positions = positionsOf(full);
  const reduced = kind === 'reduce' ? reduceAttrs(v).axes.map((a) => positions[a]).filter((p) => p >= 0) : [];
  const shell = { id, vertex: v, kind, buffer, domain: withoutOnes(full), reduced, needs: new Set<Task>(), before: new Set<Task>(), reads: new Set<Buffer>() } as const;
  if (buffer.size === 0) return shell;
  return { ...shell, reads: readsOf(shell, lowering) };
}

function positionsOf(shape: readonly number[]): number[] {
  let next = 0;
  return shape.map((extent) => (extent === 1 ? -1 : next++));
}

function readsOf(task: Task, lowering: Lowering): Set<Buffer> {
  return new Set(taskExpressions(task, lowering).flatMap((e) => loadsOf(e).map((l) => l.source as Buffer)));
}

/** What a task computes: its value, or the operands of its product. */
export function taskExpressions(task: Task, lowering: Lowering): Expr[] {
  if (task.kind !== 'dot') return [workOf(task, lowering, domainVars(task.domain))];
  const s = dotSizes(task.vertex);
  const v = (key: string, size: number): Ix => ix.ixOf(ix.variable(key, size));
  const { a, b } = operandsOf(task, lowering, { batch: v('b', s.batch), m: v('m', s.m), n: v('n', s.n), k: v('k', s.k) });
  return [a, b];
}

/** New values of refs are written in place where every other reader of the old value can run before; else through a copy. */
function commitAssigns(graph: Simplified, tasks: Task[], bufferOf: Map<Vertex, Buffer>, buffers: Buffer[], lowering: Lowering): void {
  const taken = new Set<Task>();
  const writers = new Map<Buffer, Task>();
  const makers = new Map(tasks.map((t) => [t.buffer, t]));
  const readers = new Map<Buffer, Task[]>();
  tasks.forEach((t) => noteReads(t, readers));
  const after = new Map<Task, Task[]>();
  for (const { ref, value } of graph.assigns) {
    const target = bufferOf.get(ref) ?? refBuffer(ref, bufferOf, buffers);
    if (target.size === 0) continue;
    if (target.dtype !== value.node.dtype || !sameShape(target.shape, value.node.shape)) throw new InternalError(`assign of ${value.node.dtype}[${value.node.shape}] to ${target.name}`);
    const owner = makers.get(bufferOf.get(throughReshapes(value))!);
    const others = new Set(readers.get(target)?.filter((t) => t !== owner));
    const inPlace = owner !== undefined && !taken.has(owner) && readsInPlace(owner, target, lowering) && !leadsTo(owner, others, readers, after);
    const known = tasks.length;
    const writer = inPlace ? owner : copyTask(tasks, value, target, bufferOf, buffers, lowering);
    for (const copy of tasks.slice(known)) noteReads(copy, readers);
    taken.add(writer);
    writers.set(target, writer);
    if (inPlace) redirect(writer, target);
    // Now, for the next in-place decision; and again for the readers that copies add, once all are known.
    waitForReaders(readers.get(target), writer, after);
  }
  for (const [target, writer] of writers) waitForReaders(readers.get(target), writer, after);
}

function noteReads(task: Task, readers: Map<Buffer, Task[]>): void {
  for (const buffer of task.reads) listAt(readers, buffer).push(task);
}

function waitForReaders(readers: readonly Task[] = [], writer: Task, after: Map<Task, Task[]>): void {
  for (const reader of readers) {
    if (reader === writer || writer.before.has(reader)) continue;
    writer.before.add(reader);
    listAt(after, reader).push(writer);
  }
}

function listAt<K, V>(lists: Map<K, V[]>, key: K): V[] {
  if (!lists.has(key)) lists.set(key, []);
  return lists.get(key)!;
}

function refBuffer(ref: Vertex, bufferOf: Map<Vertex, Buffer>, buffers: Buffer[]): Buffer {
  const attrs = ref.node.attrs as { ref: { name?: string } };
  const buffer: Buffer = { name: `${attrs.ref.name ?? 'ref'}#${ref.id}`, dtype: ref.node.dtype, shape: ref.node.shape, size: sizeOf(ref.node.shape), kind: 'ref', offset: -1, ref: attrs.ref };
  bufferOf.set(ref, buffer);
  buffers.push(buffer);
  return buffer;
}

/** The new version of the ref is the task's own buffer object, bound to the ref's storage. */
function redirect(task: Task, target: Buffer): void {
  Object.assign(task.buffer, { kind: 'ref', ref: target.ref, renewed: true, name: `${target.name}'` });
}

/** A map may overwrite what it reads at the very same offset. */
function readsInPlace(task: Task, target: Buffer, lowering: Lowering): boolean {
  if (!task.reads.has(target)) return true;
  if (task.kind !== 'map') return false;
  const vars = domainVars(task.domain);
  const own = storeIndex(task, vars).key;
  return loadsOf(workOf(task, lowering, vars)).every((l) => l.source !== target || l.ix.key === own);
}

/** Flat offset at which a task stores, over the variables of its result. */
export function storeIndex(task: Task, vars: readonly Var[]): Ix {
  const extents = vars.map((v) => v.size);
  const strides = new Array<number>(extents.length);
  let stride = 1;
  for (let i = extents.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= extents[i];
  }
  if (stride !== task.buffer.size) throw new InternalError(`store of ${task.buffer.name}: ${extents} against ${task.buffer.size}`);
  return ix.flatten(vars.map((v) => ix.ixOf(v)), strides);
}

/** Whether one of the tasks reads what comes of `task`, or has to wait for it. */
function leadsTo(task: Task, some: ReadonlySet<Task>, readers: ReadonlyMap<Buffer, readonly Task[]>, after: ReadonlyMap<Task, readonly Task[]>): boolean {
  const seen = new Set<Task>();
  const stack = some.size > 0 ? [task] : [];
  for (let t = stack.pop(); t !== undefined; t = stack.pop()) {
    if (some.has(t)) return true;
    if (seen.has(t)) continue;
    seen.add(t);
    stack.push(...(readers.get(t.buffer) ?? []), ...(after.get(t) ?? []));
  }
  return false;
}

/** value -> private buffer (if it is a leaf or not stored alone) -> ref. */
function copyTask(tasks: Task[], value: Vertex, target: Buffer, bufferOf: Map<Vertex, Buffer>, buffers: Buffer[], lowering: Lowering): Task {
  const through = (from: Vertex, kind: 'temp' | 'ref', ref?: object): Vertex => {
    const node: Node = { ...from.node, op: ops.cast as unknown as Node['op'], inputs: [from.node], attrs: { dtype: from.node.dtype } };
    const copy: Vertex = { id: 1_000_000 + tasks.length, node, inputs: [from], users: [] };
    const buffer: Buffer = { name: kind === 'ref' ? `${target.name}'` : `copy of ${target.name}`, dtype: node.dtype as DType, shape: node.shape, size: target.size, kind, offset: -1, ref, renewed: kind === 'ref' };
    buffers.push(buffer);
    bufferOf.set(copy, buffer);
    tasks.push(taskOf(tasks.length, copy, buffer, lowering));
    return copy;
  };
  const base = bufferOf.get(throughReshapes(value));
  const source = base !== undefined && base.kind === 'temp' ? value : through(value, 'temp');
  through(source, 'ref', target.ref);
  return tasks[tasks.length - 1];
}

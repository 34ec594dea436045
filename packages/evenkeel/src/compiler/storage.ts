/**
 * Which vertices get a buffer. A reduction or product has one because it needs a kernel; an elementwise value has one only where
 * writing it once and reading it back moves fewer bytes than computing it again in every kernel that uses it.
 */
import { BYTES_PER_ELEMENT, sizeOf } from '../base/index.ts';
import { isStoredPadding } from './padding.ts';
import { reduceAttrs } from './vertex.ts';
import type { Simplified, Vertex } from './vertex.ts';

/** Reductions up to this many elements are written out in the expression that uses them (pooling windows, small kernels). */
const UNROLL_LIMIT = 16;
/** A chain of inlined ops is cut where its expression would grow past this. */
const EXPRESSION_LIMIT = 3000;

/** What computing one element again costs, in bytes of memory traffic that take about as long (measured on wasm, 4 lanes). */
const ARITHMETIC_COST: Readonly<Record<string, number>> = {
  exp: 10, expm1: 14, log: 12, log1p: 14, tanh: 12, sigmoid: 12, erf: 14, sin: 16, cos: 16, pow: 30, div: 2, sqrt: 2, random: 6,
};

export interface Storage {
  /** Vertices with a buffer that a kernel fills. */
  readonly stored: ReadonlySet<Vertex>;
  /** Sources with a buffer (input, constant, ref). */
  readonly leaves: ReadonlySet<Vertex>;
}

export function isUnrolled(v: Vertex): boolean {
  if (v.node.op.kind !== 'reduce') return false;
  const { axes } = reduceAttrs(v);
  const shape = v.inputs[0].node.shape;
  const count = sizeOf(axes.map((a) => shape[a]));
  const keepsLast = !axes.includes(shape.length - 1) && sizeOf(v.node.shape) > 1;
  return count > 0 && (count === 1 || (count <= UNROLL_LIMIT && keepsLast));
}

function isLeaf(v: Vertex): boolean {
  const { name } = v.node.op;
  return name === 'input' || name === 'constant' || name === 'ref';
}

/** The vertex whose buffer holds this one's elements in the same order, or itself. */
export function throughReshapes(v: Vertex): Vertex {
  let at = v;
  while (at.node.op.name === 'reshape') at = at.inputs[0];
  return at;
}

export function chooseStorage(graph: Simplified): Storage {
  const leaves = new Set(graph.vertices.filter(isLeaf));
  const stored = new Set<Vertex>();
  const costs = new Map<Vertex, Cost>();
  const required = requiredBuffers(graph);
  const sinks = sinkKeys(graph, required);
  for (const v of graph.vertices) {
    const cost = costOf(v, costs);
    const kernel = v.node.op.kind === 'contract' || (v.node.op.kind === 'reduce' && !isUnrolled(v));
    if (leaves.has(v)) costs.set(v, buffered(v));
    else if (kernel || required.has(v) || worthStoring(v, cost, sinks.get(v)!.size)) {
      stored.add(v);
      costs.set(v, buffered(v));
    } else costs.set(v, cost);
  }
  return { stored, leaves };
}

/** Outputs and new values of refs must be in memory when the step ends; a reshape of a buffer is that buffer. */
function requiredBuffers(graph: Simplified): Set<Vertex> {
  const required = new Set<Vertex>();
  for (const v of [...graph.outputs, ...graph.assigns.map((a) => a.value)]) {
    const base = throughReshapes(v);
    required.add(isLeaf(base) ? v : base);
  }
  return required;
}

/** What reading one element of a vertex costs: bytes by leaf, arithmetic, and the size of the expression. */
interface Cost { readonly leaves: ReadonlyMap<Vertex, number>; readonly arithmetic: number; readonly nodes: number }

function buffered(v: Vertex): Cost {
  return { leaves: new Map([[v, bytesOf(v)]]), arithmetic: 0, nodes: 1 };
}

function bytesOf(v: Vertex): number {
  return sizeOf(v.node.shape) * BYTES_PER_ELEMENT;
}

/** The cost if v is not stored, given its inputs' costs. Arithmetic is for the whole vertex. */
function costOf(v: Vertex, costs: ReadonlyMap<Vertex, Cost>): Cost {
  const leaves = new Map<Vertex, number>();
  const size = sizeOf(v.node.shape);
  let arithmetic = (ARITHMETIC_COST[v.node.op.name] ?? (v.node.op.kind === 'map' ? 0.25 : 0)) * size;
  let nodes = 1;
  const times = v.node.op.kind === 'reduce' && isUnrolled(v) ? sizeOf(v.inputs[0].node.shape) / Math.max(1, size) : 1;
  for (const input of v.inputs) {
    const cost = costs.get(input)!;
    const inputSize = Math.max(1, sizeOf(input.node.shape));
    arithmetic += cost.arithmetic * Math.max(1, (size * times) / inputSize);
    nodes += cost.nodes * times;
    for (const [leaf, bytes] of cost.leaves) leaves.set(leaf, Math.max(bytes, leaves.get(leaf) ?? 0));
  }
  return { leaves, arithmetic, nodes };
}

function worthStoring(v: Vertex, cost: Cost, sinks: number): boolean {
  if (v.node.op.kind === 'source' && v.node.op.name !== 'random') return false;
  if (cost.nodes > EXPRESSION_LIMIT) return true;
  const bytes = bytesOf(v);
  if (isStoredPadding(v)) return true;
  if (v.node.op.kind === 'view' || isHoisted(v, cost)) return false;
  const trivial = cost.arithmetic === 0;
  if (!trivial && expands(v)) return true;
  let again = cost.arithmetic;
  for (const b of cost.leaves.values()) again += Math.min(b, 4 * bytes + b / 4);
  return sinks > 1 && sinks * again > again + (1 + sinks) * bytes;
}

/** A scalar is computed once before the loops that use it, and index arithmetic costs less than a load. */
function isHoisted(v: Vertex, cost: Cost): boolean {
  return sizeOf(v.node.shape) <= 1 || (cost.leaves.size === 0 && cost.arithmetic <= 2 * sizeOf(v.node.shape));
}

/** True where a user reads each element several times: a broadcast, or overlapping windows. */
function expands(v: Vertex): boolean {
  const size = sizeOf(v.node.shape);
  const reach = (u: Vertex): boolean => u.users.some((user) => {
    if (user.node.op.kind !== 'view' || isStoredPadding(user)) return false;
    return sizeOf(user.node.shape) >= 2 * size || reach(user);
  });
  return reach(v);
}

/** For each vertex, the different kernels that would read it if nothing between were stored. */
function sinkKeys(graph: Simplified, required: ReadonlySet<Vertex>): Map<Vertex, Set<string>> {
  const keys = new Map<Vertex, Set<string>>();
  for (let i = graph.vertices.length - 1; i >= 0; i--) {
    const v = graph.vertices[i];
    const mine = new Set<string>();
    for (const user of v.users) {
      if (user.node.op.kind === 'contract') mine.add(`dot${user.id}:${user.inputs.indexOf(v)}`);
      else if (user.node.op.kind === 'reduce' && !isUnrolled(user)) mine.add(`reduce${reduceAttrs(user).axes}|${user.inputs[0].node.shape}`);
      else if (required.has(user) || isStoredPadding(user)) mine.add(`map${user.node.shape}`);
      else for (const key of keys.get(user)!) mine.add(key);
    }
    keys.set(v, mine);
  }
  return keys;
}

/** The program as the compiler sees it: equal nodes merged, wrappers removed, reductions of nothing replaced by constants. */
import { ops, topological } from '../graph/index.ts';
import type { Node, Program } from '../graph/index.ts';
import { monoids } from '../graph/index.ts';
import { sizeOf } from '../base/index.ts';

/** A node with its merged inputs and its users. */
export interface Vertex {
  readonly id: number;
  readonly node: Node;
  readonly inputs: readonly Vertex[];
  readonly users: Vertex[];
}

export interface Simplified {
  /** Inputs before users. */
  readonly vertices: readonly Vertex[];
  readonly inputs: readonly Vertex[];
  readonly outputs: readonly Vertex[];
  readonly assigns: readonly { readonly ref: Vertex; readonly value: Vertex }[];
}

interface ReduceAttrs { readonly monoid: string; readonly field: string; readonly axes: readonly number[] }
interface DotAttrs { readonly batch: number; readonly contract: number }

export function reduceAttrs(v: Vertex): ReduceAttrs { return v.node.attrs as ReduceAttrs; }
export function dotAttrs(v: Vertex): DotAttrs { return v.node.attrs as DotAttrs; }

export function simplify(program: Program): Simplified {
  const identities = new Map<unknown, number>();
  const known = new Map<string, Vertex>();
  const vertexOf = new Map<Node, Vertex>();
  const vertices: Vertex[] = [];
  const intern = (node: Node, inputs: readonly Vertex[]): Vertex => {
    const key = `${node.op.name}(${inputs.map((v) => v.id).join(',')})${attrsKey(node.attrs, identities)}:${node.shape.join('x')}:${node.dtype}`;
    const old = known.get(key);
    if (old) return old;
    const vertex: Vertex = { id: vertices.length, node, inputs, users: [] };
    known.set(key, vertex);
    vertices.push(vertex);
    for (const input of new Set(inputs)) input.users.push(vertex);
    return vertex;
  };
  const roots = [...program.inputs, ...program.outputs, ...program.assigns.flatMap((a) => [a.ref, a.value])];
  for (const node of topological(roots)) {
    if (node.op.kind === 'wrap') vertexOf.set(node, vertexOf.get(node.inputs[0])!);
    else {
      const plain = withoutEmptiness(node);
      vertexOf.set(node, intern(plain, plain.inputs.map((n) => vertexOf.get(n)!)));
    }
  }
  const at = (node: Node): Vertex => vertexOf.get(node)!;
  const assigns = program.assigns.map((a) => ({ ref: at(a.ref), value: at(a.value) }));
  const renewed = new Set(assigns.map((a) => a.ref));
  const outputs = program.outputs.map((node) => (renewed.has(at(node)) ? intern(copyOf(at(node).node), [at(node)]) : at(node)));
  return { vertices: reachable(vertices, [...outputs, ...assigns.map((a) => a.value), ...program.inputs.map(at)]), inputs: program.inputs.map(at), outputs, assigns };
}

/** The value of a ref before the step, out of reach of the one that replaces it. */
function copyOf(node: Node): Node {
  return { ...node, op: ops.cast as unknown as Node['op'], inputs: [node], attrs: { dtype: node.dtype } };
}

/** Keeps what the roots need, and only users that are kept. */
function reachable(vertices: readonly Vertex[], roots: readonly Vertex[]): Vertex[] {
  const kept = new Set<Vertex>();
  const stack = [...roots];
  for (let v = stack.pop(); v !== undefined; v = stack.pop()) {
    if (kept.has(v)) continue;
    kept.add(v);
    stack.push(...v.inputs);
  }
  const list = vertices.filter((v) => kept.has(v));
  for (const v of list) {
    const users = v.users.filter((u) => kept.has(u));
    v.users.splice(0, v.users.length, ...users);
  }
  return list;
}

/** A reduction over no elements, or a product with an inner size of 0, is a constant. */
function withoutEmptiness(node: Node): Node {
  if (sizeOf(node.shape) === 0 || node.inputs.every((n) => sizeOf(n.shape) > 0)) return node;
  if (node.op.kind !== 'reduce' && node.op.kind !== 'contract') return node;
  const attrs = node.attrs as ReduceAttrs;
  const value = node.op.kind === 'contract' ? 0 : monoids[attrs.monoid as keyof typeof monoids].empty(attrs.field);
  return { ...node, op: ops.full as Node['op'], inputs: [], attrs: { value, shape: node.shape, dtype: node.dtype } };
}

/** Writes down who uses each of the vertices. */
export function withUsers(vertices: readonly Vertex[]): readonly Vertex[] {
  for (const v of vertices) v.users.splice(0);
  for (const v of vertices) for (const input of new Set(v.inputs)) input.users.push(v);
  return vertices;
}

/** Plain data by value, everything else (typed arrays, refs, functions) by identity. */
function attrsKey(attrs: unknown, identities: Map<unknown, number>): string {
  return JSON.stringify(attrs, (_key, value: unknown) => {
    if (typeof value === 'function' || (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype)) {
      let id = identities.get(value);
      if (id === undefined) identities.set(value, (id = identities.size));
      return `#${id}`;
    }
    return typeof value === 'number' && !Number.isFinite(value) ? `#${value}` : Object.is(value, -0) ? '#-0' : value;
  });
}

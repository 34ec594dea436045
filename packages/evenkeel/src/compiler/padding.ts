/** Values that are in memory with a border around them anyway are read from there, so that they need no buffer without one. */
import { ops } from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { sizeOf } from '../base/index.ts';
import { withUsers } from './vertex.ts';
import type { Simplified, Vertex } from './vertex.ts';

/** Padding of which a product reads overlapping windows: it reads them straight from memory, so the padding is stored. */
export function isStoredPadding(v: Vertex): boolean {
  return v.node.op.name === 'pad' && feedsWindowsOfProduct(v);
}

/**
 * Uses of an elementwise value that come after its padding (its part in the backward pass) read the padding's inside instead.
 * The value itself is then computed while the padding is written, and whatever it came from is free before the backward pass.
 */
export function readInsidePaddings(graph: Simplified): Simplified {
  const moved = new Map<Vertex, Map<Vertex, Vertex>>();
  for (const padding of graph.vertices) {
    if (!isStoredPadding(padding) || padding.inputs[0].node.op.kind !== 'map') continue;
    const [value] = padding.inputs;
    const late = lateUsers(value, padding);
    for (const user of late) {
      if (!moved.has(user)) moved.set(user, new Map());
      moved.get(user)!.set(value, padding);
    }
  }
  return moved.size === 0 ? graph : rebuilt(graph, moved);
}

/** Users of the value all of whose work needs something that was computed from the padding. */
function lateUsers(value: Vertex, padding: Vertex): Vertex[] {
  const after = new Set<Vertex>();
  const stack = [padding];
  for (let v = stack.pop(); v !== undefined; v = stack.pop()) for (const user of v.users) {
    if (after.has(user)) continue;
    after.add(user);
    stack.push(user);
  }
  const isLate = (user: Vertex): boolean => {
    if (user === padding) return false;
    if (after.has(user)) return true;
    return (user.node.op.kind === 'map' || user.node.op.kind === 'view') && user.users.length > 0 && user.users.every(isLate);
  };
  return value.users.filter(isLate);
}

/** The graph with inputs of some vertices replaced by the insides of paddings; inputs stay before users. */
function rebuilt(graph: Simplified, moved: ReadonlyMap<Vertex, ReadonlyMap<Vertex, Vertex>>): Simplified {
  const made = new Map<Vertex, Vertex>();
  const insides = new Map<Vertex, Vertex>();
  const vertices: Vertex[] = [];
  const add = (node: Node, inputs: readonly Vertex[]): Vertex => {
    const vertex: Vertex = { id: vertices.length, node, inputs, users: [] };
    vertices.push(vertex);
    return vertex;
  };
  const inside = (padding: Vertex): Vertex => {
    const known = insides.get(padding);
    if (known) return known;
    const vertex = add(insideOf(padding.node), [visit(padding)]);
    insides.set(padding, vertex);
    return vertex;
  };
  const visit = (v: Vertex): Vertex => {
    const known = made.get(v);
    if (known) return known;
    const inputs = v.inputs.map((input) => {
      const padding = moved.get(v)?.get(input);
      return padding ? inside(padding) : visit(input);
    });
    const vertex = add(v.node, inputs);
    made.set(v, vertex);
    return vertex;
  };
  for (const v of graph.vertices) visit(v);
  return {
    vertices: withUsers(vertices), inputs: graph.inputs.map(visit), outputs: graph.outputs.map(visit),
    assigns: graph.assigns.map(({ ref, value }) => ({ ref: visit(ref), value: visit(value) })),
  };
}

/** The slice that takes the border away again. */
function insideOf(padding: Node): Node {
  const [{ shape, dtype }] = padding.inputs;
  const { low } = padding.attrs as { readonly low: readonly number[] };
  const attrs = { start: low, stop: shape.map((extent, axis) => low[axis] + extent), step: shape.map(() => 1) };
  return { ...padding, op: ops.slice as unknown as Node['op'], inputs: [padding], attrs, shape, dtype };
}

function feedsWindowsOfProduct(v: Vertex): boolean {
  const size = sizeOf(v.node.shape);
  const reach = (u: Vertex): boolean => u.users.some((user) => (user.node.op.kind === 'contract' ? sizeOf(u.node.shape) >= 2 * size : user.node.op.kind === 'view' && reach(user)));
  return reach(v);
}

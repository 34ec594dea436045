/** The oracle: a graph computed node by node from the ops' own references, in f64 and unfused. */
import { InternalError, sameShape } from '../base/index.ts';
import { topological } from './node.ts';
import type { Dense, Node } from './node.ts';
import { ops } from './ops/index.ts';
import type { RefSlot } from './ops/index.ts';

/** Where the values come from that the graph does not compute. */
export interface Bindings {
  input?(slot: number): Dense;
  ref?(slot: RefSlot): Dense;
}

/** Called with every node's value as soon as it is known, operands before users. */
export type Visit = (node: Node, value: Dense) => void;

/** The values of `roots`, in their order; every node is computed once. */
export function evaluate(roots: readonly Node[], bindings: Bindings = {}, visit?: Visit): Dense[] {
  const values = new Map<Node, Dense>();
  for (const node of topological(roots)) {
    const value = valueOf(node, values, bindings);
    values.set(node, value);
    visit?.(node, value);
  }
  return roots.map((root) => values.get(root)!);
}

function valueOf(node: Node, values: ReadonlyMap<Node, Dense>, bindings: Bindings): Dense {
  if (isNodeOf(node, ops.input)) return bound(node, bindings.input?.(node.attrs.slot), `input ${node.attrs.slot}`);
  if (isNodeOf(node, ops.ref)) return bound(node, bindings.ref?.(node.attrs.ref), `ref ${node.attrs.ref.name}`);
  return node.op.reference(node, node.inputs.map((x) => values.get(x)!));
}

function bound(node: Node, value: Dense | undefined, name: string): Dense {
  if (value === undefined) throw new InternalError(`${name} has no value`);
  if (!sameShape(value.shape, node.shape)) throw new InternalError(`${name} has shape [${value.shape}], not [${node.shape}]`);
  return value;
}

function isNodeOf<A>(node: Node, op: Node<A>['op']): node is Node<A> {
  return node.op === op;
}

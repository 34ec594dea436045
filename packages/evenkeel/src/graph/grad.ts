/** Reverse-mode differentiation. The gradient is a graph of ordinary nodes, so it can be differentiated again. */
import { InternalError, sameShape } from '../base/index.ts';
import * as build from './build.ts';
import { faults, formatSpec } from './faults.ts';
import { topological } from './node.ts';
import type { Node, Spec } from './node.ts';

/**
 * Gradients of y with respect to each of `wrt`, in their shapes; zeros where y does not depend on one. Contributions are added
 * in the reverse of the order in which the graph was built, so equal programs round equally.
 * @param y     one f32 number, or any f32 tensor if a seed is given
 * @param seed  cotangent of y, in its shape; default 1
 * @throws E215 if y is not one f32 number, E216 if one of `wrt` is not f32, E217 if the seed does not look like y
 */
export function grad(y: Node, wrt: readonly Node[], seed?: Node): Node[] {
  check(y, wrt, seed);
  const order = topological([y]);
  const relevant = dependents(order, wrt);
  const cotangents = new Map<Node, Node>([[y, seed ?? build.fullLike(y, 1)]]);
  const labels = new Labels([...order, ...cotangents.values(), ...wrt]);
  for (const node of order.reverse()) {
    const g = cotangents.get(node);
    if (g === undefined || !node.inputs.some((x) => relevant.has(x))) continue;
    node.op.vjp(node, g, build).forEach((part, position) => {
      const x = node.inputs[position];
      if (part === undefined || !relevant.has(x)) return;
      checkCotangent(node, x, part);
      labels.put(part, node);
      const sum = cotangents.get(x);
      cotangents.set(x, sum === undefined ? part : labels.put(build.add(sum, part), x));
    });
  }
  return wrt.map((x) => cotangents.get(x) ?? build.fullLike(x, 0));
}

const BACKWARD = ', backward';

/** Says of the nodes that a vjp made whose gradient they are; by themselves they would name the layer that the cotangent comes from. */
class Labels {
  private readonly known: Set<Node>;

  constructor(known: readonly Node[]) {
    this.known = new Set(known);
  }

  /** Labels `made` and all that it depends on and that nobody has seen before. */
  put(made: Node, forward: Node): Node {
    const where = forward.where === undefined || forward.where.endsWith(BACKWARD) ? forward.where : `${forward.where}${BACKWARD}`;
    const stack = [made];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (this.known.has(node)) continue;
      this.known.add(node);
      (node as { where?: string }).where = where;
      stack.push(...node.inputs);
    }
    return made;
  }
}

/** The f32 nodes of `order` through which one of `wrt` is reached, itself included. */
function dependents(order: readonly Node[], wrt: readonly Node[]): Set<Node> {
  const found = new Set(wrt);
  for (const node of order) {
    if (node.dtype === 'f32' && node.inputs.some((x) => found.has(x))) found.add(node);
  }
  return found;
}

function check(y: Node, wrt: readonly Node[], seed: Node | undefined): void {
  if (y.dtype !== 'f32' || (seed === undefined && y.shape.length !== 0)) throw faults.gradientOf(y);
  if (seed !== undefined && !alike(seed, y)) throw faults.cotangent('grad', 'the seed', y, seed);
  const position = wrt.findIndex((x) => x.dtype !== 'f32');
  if (position >= 0) throw faults.gradientFor(wrt[position], position);
}

function checkCotangent(node: Node, x: Node, part: Node): void {
  if (alike(part, x)) return;
  if (node.op.name === 'custom') throw faults.cotangent('custom', 'the gradient of an operand', x, part);
  throw new InternalError(`the gradient of ${node.op.name} is ${formatSpec(part)} for an operand ${formatSpec(x)}`);
}

function alike(a: Spec, b: Spec): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

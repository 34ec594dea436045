/** Gradients. */
import { grad as gradOfNodes, topological } from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { currentTrace } from '../runtime/index.ts';
import { Ref } from './ref.ts';
import { Tensor } from './tensor.ts';

/**
 * Gradients of a scalar with respect to tensors or refs, in their shapes; zeros where it does not depend on one. They are tensors
 * like any other, so they can be differentiated again.
 * @throws E215 if loss is not one f32 number; E216 for something that is not f32
 */
export function grad(loss: Tensor, wrt: readonly (Tensor | Ref)[]): Tensor[] {
  let used: Set<Node> | undefined;
  const nodes = wrt.map((x) => {
    if (!(x instanceof Ref)) return x.node;
    const now = x.value.node;
    const before = currentTrace().before(x.variable);
    if (now === before) return now;
    used ??= new Set(topological([loss.node]));
    return used.has(now) ? now : before;
  });
  return gradOfNodes(loss.node, nodes).map((node) => new Tensor(node));
}

/** Values that index something are checked where they come from: constants at once, inputs of a step before every run. */
import type { Node } from '../graph/index.ts';
import { checkBound } from './feed.ts';
import { knownValue } from './realize.ts';
import { currentTrace } from './trace.ts';

/**
 * Declares that the values of `node` must lie in 0 .. bound-1. Only nodes that merely rearrange an input or a constant can be
 * checked; others are clamped when they are used.
 * @throws E402 at once for a constant
 */
export function limitIndices(op: string, node: Node, bound: number): void {
  let at = node;
  while (at.op.kind === 'view' && at.inputs.length === 1 && at.op.name !== 'pad' && at.op.name !== 'skew') at = at.inputs[0];
  const data = knownValue(at);
  if (data) checkBound(op, 'indices', { data, shape: at.shape, dtype: at.dtype }, bound);
  if (at.op.name !== 'input') return;
  const { limits } = currentTrace();
  limits.set(at, Math.min(bound, limits.get(at) ?? Infinity));
}

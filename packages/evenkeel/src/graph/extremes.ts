/** What reductions to the largest or smallest value have in common. */
import type { DType } from '../base/index.ts';
import type { Build, Node } from './node.ts';

/** The value that every other exceeds: -Infinity, or the smallest integer. */
export function lowest(dtype: DType): number {
  return dtype === 'f32' ? -Infinity : dtype === 'i32' ? -2147483648 : 0;
}

/** The value that is above every other: Infinity, or the largest integer. */
export function highest(dtype: DType): number {
  return dtype === 'f32' ? Infinity : dtype === 'i32' ? 2147483647 : 4294967295;
}

/** Shares g equally among the values that equal the extreme, as torch.amax does. */
export function shareAmongTies(x: Node, out: Node, axes: readonly number[], g: Node, build: Build): Node {
  const { expand, eq, cast, reduce, div, select, fullLike } = build;
  const tied = eq(x, expand(out, x.shape, axes));
  const count = reduce(cast(tied, 'f32'), 'sum', 'value', axes);
  return select(tied, expand(div(g, count), x.shape, axes), fullLike(x, 0));
}

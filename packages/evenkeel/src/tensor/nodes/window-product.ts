/** Products of sliding windows with a kernel or a gradient, group by group; thin groups (depthwise) without a matrix product. */
import type { Node } from '../../graph/index.ts';
import { mul } from './arithmetic.ts';
import { dot } from './linear-algebra.ts';
import { sum } from './reduce.ts';
import { reshape, transpose } from './shape.ts';

/** [N, ...out, ...size, groups * A] times [...size, A, groups * B] gives [N, ...out, groups * B]. */
export function windowsTimesKernel(view: Node, w: Node, groups: number): Node {
  const size = w.shape.slice(0, -2);
  const rank = size.length;
  const a = w.shape[rank];
  const b = w.shape[rank + 1] / groups;
  const outer = view.shape.slice(0, rank + 1);
  if (groups === 1) return dot(view, w, 0, rank + 1);
  const kernel = transpose(reshape(w, [...size, a, groups, b]), [...size.keys(), rank + 1, rank, rank + 2]);
  const grouped = reshape(view, [...outer, ...size, groups, a]);
  if (a === 1 || b === 1) {
    const products = mul(reshape(grouped, [...grouped.shape, 1]), kernel);
    const summed = sum(products, [...size.map((_, i) => rank + 1 + i), 2 * rank + 2]);
    return reshape(summed, [...outer, groups * b]);
  }
  const axes = grouped.shape.length;
  const left = transpose(grouped, [axes - 2, ...Array.from({ length: axes - 2 }, (_, i) => i), axes - 1]);
  const right = transpose(kernel, [rank, ...size.keys(), rank + 1, rank + 2]);
  const product = dot(left, right, 1, rank + 1);
  return reshape(transpose(product, [...outer.map((_, i) => i + 1), 0, rank + 2]), [...outer, groups * b]);
}

/** [N, ...out, ...size, groups * A] and [N, ...out, groups * B] give [...size, A, groups * B], summed over N and out. */
export function windowsTimesGradient(view: Node, g: Node, groups: number): Node {
  const rank = g.shape.length - 2;
  const outer = view.shape.slice(0, rank + 1);
  const size = view.shape.slice(rank + 1, 2 * rank + 1);
  const a = view.shape.at(-1)! / groups;
  const b = g.shape.at(-1)! / groups;
  const inner = outer.map((_, i) => i);
  const kernel = size.map((_, i) => rank + 1 + i);
  if (groups === 1) return dot(transpose(view, [...kernel, 2 * rank + 1, ...inner]), g, 0, rank + 1);
  const grouped = reshape(view, [...outer, ...size, groups, a]);
  if (a === 1 || b === 1) {
    const products = mul(reshape(grouped, [...grouped.shape, 1]), reshape(g, [...outer, ...size.map(() => 1), groups, 1, b]));
    const summed = sum(products, inner);
    return reshape(transpose(summed, [...size.keys(), rank + 1, rank, rank + 2]), [...size, a, groups * b]);
  }
  const left = transpose(grouped, [2 * rank + 1, ...kernel, 2 * rank + 2, ...inner]);
  const right = transpose(reshape(g, [...outer, groups, b]), [rank + 1, ...inner, rank + 2]);
  const product = dot(left, right, 1, rank + 1);
  return reshape(transpose(product, [...size.map((_, i) => i + 1), rank + 1, 0, rank + 2]), [...size, a, groups * b]);
}

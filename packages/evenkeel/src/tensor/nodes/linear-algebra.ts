/** Matrix products and choosing by index. */
import { broadcastShapes } from '../../base/index.ts';
import { ops } from '../../graph/index.ts';
import type { Node } from '../../graph/index.ts';
import { limitIndices } from '../../runtime/index.ts';
import { apply, cast, iota } from './apply.ts';
import { eq } from './arithmetic.ts';
import { faults } from './faults.ts';
import { axisOf, broadcastTo, expandDims, transpose } from './shape.ts';

/** [batch..., M..., K...] x [batch..., K..., N...] -> [batch..., M..., N...], the first `batch` axes alike, `contract` axes summed over. */
export function dot(a: Node, b: Node, batch: number, contract: number): Node {
  return apply(ops.dot, [a, b], { batch, contract });
}

/** Matrix product as NumPy's matmul: vectors are rows or columns, leading axes are batches that broadcast. @throws E204 */
export function matmul(a: Node, b: Node): Node {
  if (a.dtype !== b.dtype) throw faults.mixed('matmul', a, b);
  if (a.shape.length === 0 || b.shape.length === 0) throw faults.matmulRank(a.shape, b.shape);
  if (a.shape.at(-1) !== b.shape[Math.max(0, b.shape.length - 2)]) throw faults.matmul(a.shape, b.shape);
  if (b.shape.length <= 2) return dot(a, b, 0, 1);
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcastShapes(batchA, batchB);
  if (!batch) throw faults.broadcast('matmul', a.shape, b.shape);
  const left = broadcastTo(a, [...batch, ...a.shape.slice(-2)]);
  const right = broadcastTo(b, [...batch, ...b.shape.slice(-2)]);
  return dot(left, right, batch.length, 1);
}

/** Rows of x (along `axis`) by number: [..., V, ...] and indices [...I] give [..., ...I, ...]. @throws E402 for indices outside */
export function take(x: Node, indices: Node, axis = 0): Node {
  const at = axisOf('take', x, axis);
  if (indices.dtype !== 'i32') throw faults.dtype('take', indices, ['i32']);
  limitIndices('take', indices, x.shape[at]);
  const order = [at, ...x.shape.map((_, i) => i).filter((i) => i !== at)];
  const taken = apply(ops.gather, [transpose(x, order), indices], {});
  const count = indices.shape.length;
  const rest = Array.from({ length: x.shape.length - 1 }, (_, i) => count + i);
  return transpose(taken, [...rest.slice(0, at), ...Array.from({ length: count }, (_, i) => i), ...rest.slice(at)]);
}

/** True at the position that the index names: [...I] gives bool [...I, depth]. */
export function isIndex(indices: Node, depth: number): Node {
  const shape = [...indices.shape, depth];
  return eq(broadcastTo(expandDims(indices, -1), shape), iota(shape, indices.shape.length));
}

/** 1 at the position that the index names, 0 elsewhere: i32 [...I] gives f32 [...I, depth]. @throws E402 for indices outside */
export function oneHot(indices: Node, depth: number): Node {
  if (indices.dtype !== 'i32') throw faults.dtype('oneHot', indices, ['i32']);
  limitIndices('oneHot', indices, depth);
  return cast(isIndex(indices, depth), 'f32');
}

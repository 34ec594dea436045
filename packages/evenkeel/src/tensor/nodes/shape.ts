/** Functions that only move elements. */
import { broadcastShapes, resolveAxis, sameShape, sizeOf } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { ops } from '../../graph/index.ts';
import type { Node } from '../../graph/index.ts';
import { apply } from './apply.ts';
import { faults } from './faults.ts';

/** An axis counted from the front. @throws E202 */
export function axisOf(op: string, x: Node, axis: number, rank = x.shape.length): number {
  const resolved = resolveAxis(axis, rank);
  if (resolved === undefined) throw faults.axis(op, x.shape, axis);
  return resolved;
}

/** Axes counted from the front, ascending; all of them if left out. @throws E202 */
export function axesOf(op: string, x: Node, axes: number | readonly number[] | undefined): number[] {
  if (axes === undefined) return x.shape.map((_, axis) => axis);
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => axisOf(op, x, axis));
  if (new Set(list).size !== list.length) throw faults.axes(op, x.shape, list);
  return list.sort((a, b) => a - b);
}

/** One extent may be -1: what is left. @throws E203 */
export function reshape(x: Node, shape: Shape): Node {
  const size = sizeOf(x.shape);
  const open = shape.indexOf(-1);
  let target = shape;
  if (open >= 0) {
    const known = sizeOf(shape.filter((_, axis) => axis !== open));
    target = shape.with(open, known === 0 ? 0 : size / known);
  }
  const valid = target.every((extent) => Number.isInteger(extent) && extent >= 0);
  if (!valid || sizeOf(target) !== size) throw faults.reshape(x.shape, shape, size);
  return sameShape(x.shape, target) ? x : apply(ops.reshape, [x], { shape: target });
}

/** Axis i of the result is axis order[i] of x; default: reversed. */
export function transpose(x: Node, order: readonly number[] = x.shape.map((_, axis) => x.shape.length - 1 - axis)): Node {
  const axes = order.map((axis) => axisOf('transpose', x, axis));
  if (axes.length !== x.shape.length) throw faults.perAxis('transpose', x.shape, 'order', axes.length);
  return axes.every((axis, i) => axis === i) ? x : apply(ops.transpose, [x], { order: axes });
}

/** @throws E201 if x does not stretch to the shape */
export function broadcastTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const common = broadcastShapes(x.shape, shape);
  if (!common || !sameShape(common, shape)) throw faults.broadcast('broadcastTo', x.shape, shape);
  const aligned = [...new Array<number>(shape.length - x.shape.length).fill(1), ...x.shape];
  const lifted = reshape(x, aligned);
  return sameShape(aligned, shape) ? lifted : apply(ops.broadcast, [lifted], { shape });
}

/** A new axis of extent 1 at `axis` of the result. */
export function expandDims(x: Node, axis: number): Node {
  return reshape(x, x.shape.toSpliced(axisOf('expandDims', x, axis, x.shape.length + 1), 0, 1));
}

/** Without the given axes, which must have extent 1; default: all that have. */
export function squeeze(x: Node, axes?: number | readonly number[]): Node {
  const dropped = axes === undefined ? x.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : [])) : axesOf('squeeze', x, axes);
  return reshape(x, x.shape.filter((_, axis) => !dropped.includes(axis)));
}

/** Elements start .. stop-1 of every axis; negative numbers count from the end, missing axes are whole. */
export function slice(x: Node, start: readonly number[], stop: readonly number[] = [], step: readonly number[] = []): Node {
  if (start.length > x.shape.length) throw faults.perAxis('slice', x.shape, 'start', start.length);
  const clamp = (value: number, extent: number): number => Math.max(0, Math.min(extent, value < 0 ? value + extent : value));
  const from = x.shape.map((extent, axis) => clamp(start[axis] ?? 0, extent));
  const to = x.shape.map((extent, axis) => Math.max(from[axis], clamp(stop[axis] ?? extent, extent)));
  const by = x.shape.map((_, axis) => step[axis] ?? 1);
  const whole = x.shape.every((extent, axis) => from[axis] === 0 && to[axis] === extent && by[axis] === 1);
  return whole ? x : apply(ops.slice, [x], { start: from, stop: to, step: by });
}

/** `widths[axis]` = [before, after]; missing axes get none. */
export function pad(x: Node, widths: readonly (readonly [number, number])[], value = 0): Node {
  if (widths.length > x.shape.length) throw faults.perAxis('pad', x.shape, 'widths', widths.length);
  const low = x.shape.map((_, axis) => widths[axis]?.[0] ?? 0);
  const high = x.shape.map((_, axis) => widths[axis]?.[1] ?? 0);
  return [...low, ...high].every((width) => width === 0) ? x : apply(ops.pad, [x], { low, high, value });
}

export function concat(xs: readonly Node[], axis = 0): Node {
  if (xs.length === 0) throw faults.option('concat', 'tensors', 'must not be empty', [], 'give at least one tensor');
  const other = xs.find((x) => x.dtype !== xs[0].dtype);
  if (other) throw faults.mixed('concat', xs[0], other);
  return xs.length === 1 ? xs[0] : apply(ops.concat, xs, { axis: axisOf('concat', xs[0], axis) });
}

/** Joins tensors of one shape along a new axis. */
export function stack(xs: readonly Node[], axis = 0): Node {
  return concat(xs.map((x) => expandDims(x, axis)), axis < 0 ? axis + (xs[0]?.shape.length ?? 0) + 1 : axis);
}

export function flip(x: Node, axes?: number | readonly number[]): Node {
  const list = axesOf('flip', x, axes);
  return list.length === 0 ? x : apply(ops.flip, [x], { axes: list });
}

/** Sums x down to `shape`, which broadcasts to x's: the adjoint of broadcastTo. */
export function sumTo(x: Node, shape: Shape): Node {
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((extent, axis) => (axis < lead || (shape[axis - lead] === 1 && extent !== 1) ? [axis] : []));
  if (axes.length === 0) return x;
  return reshape(apply(ops.reduce, [x], { monoid: 'sum', field: 'value', axes }), shape);
}

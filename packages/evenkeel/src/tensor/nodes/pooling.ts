/** Pooling over windows of the spatial axes of [N, ...spatial, C]. */
import { stridesOf } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { constant, full, iota, withGradient } from './apply.ts';
import { add, eq, mul, where } from './arithmetic.ts';
import { argmax, max, sum } from './reduce.ts';
import { broadcastTo, pad, reshape, slice, transpose } from './shape.ts';
import { perAxis, sumWindows, windowAxes, windows } from './windows.ts';
import type { Padding, WindowAxis } from './windows.ts';

/** The windows of a pooling. */
export interface PoolOptions {
  /** Extent of the window along each spatial axis. */
  readonly window: number | readonly number[];
  /** Default: the window, so that windows do not overlap. */
  readonly stride?: number | readonly number[];
  /** Default 0. */
  readonly padding?: Padding;
}

/**
 * The largest value of each window; padding never wins. The gradient goes to the first largest value in row-major order, as
 * PyTorch's does.
 */
export function maxPool(op: string, x: Node, options: PoolOptions): Node {
  const axes = axesOf(op, x, options);
  const view = tiles(axes) ? tiled(x, axes) : padded(x, axes);
  const n = axes.length;
  const within = axes.map((_, i) => 1 + n + i);
  const y = max(view.windows, within);
  return withGradient(y, [x], (g) => {
    const first = argmax(view.windows, within);
    const spread = (v: Node): Node =>
      broadcastTo(reshape(v, [...v.shape.slice(0, n + 1), ...axes.map(() => 1), v.shape.at(-1)!]), view.windows.shape);
    return [view.adjoint(where(eq(spread(first), positions(axes, view.windows)), spread(g), 0))];
  });
}

/** The mean of each window. `countPadding` (default true) counts padding as zeros; otherwise each mean is over real values only. */
export function averagePool(op: string, x: Node, options: PoolOptions & { readonly countPadding?: boolean }): Node {
  const axes = axesOf(op, x, options);
  const n = axes.length;
  const view = tiles(axes) ? tiled(x, axes).windows : windows(x, axes);
  const total = sum(view, axes.map((_, i) => 1 + n + i));
  if (options.countPadding ?? true) return mul(total, 1 / axes.reduce((size, a) => size * a.size, 1));
  return axes.reduce((y, a, i) => mul(y, shares(a, x.shape[i + 1], n - i)), total);
}

/** 1 / (real values in each window of one axis), shaped to broadcast; `after` axes follow it. */
function shares(a: WindowAxis, extent: number, after: number): Node {
  const data = Float32Array.from({ length: a.out }, (_, o) => {
    const start = o * a.stride - a.low;
    return 1 / Math.max(1, Math.min(extent, start + a.size) - Math.max(0, start));
  });
  return constant(data, [a.out, ...new Array<number>(after).fill(1)], 'f32');
}

function axesOf(op: string, x: Node, options: PoolOptions): WindowAxis[] {
  const sizes = perAxis(op, x, 'window', options.window, x.shape.length - 2);
  return windowAxes(op, x, sizes, { stride: options.stride ?? sizes, padding: options.padding });
}

/** True where the windows neither overlap nor leave x: then they are a reshape. */
function tiles(axes: readonly WindowAxis[]): boolean {
  return axes.every((a) => a.stride === a.size && a.low === 0);
}

/** Windows and the way back. */
interface View { readonly windows: Node; readonly adjoint: (g: Node) => Node }

function tiled(x: Node, axes: readonly WindowAxis[]): View {
  const n = axes.length;
  const [batch, channels] = [x.shape[0], x.shape.at(-1)!];
  const kept = axes.map((a) => a.out * a.size);
  const inside = padEnd(x, axes);
  const split = reshape(inside, [batch, ...axes.flatMap((a) => [a.out, a.size]), channels]);
  const order = [0, ...axes.map((_, i) => 1 + 2 * i), ...axes.map((_, i) => 2 + 2 * i), 2 * n + 1];
  const adjoint = (g: Node): Node => {
    const joined = reshape(transpose(g, order.map((_, axis) => order.indexOf(axis))), [batch, ...kept, channels]);
    return fit(joined, x, kept);
  };
  return { windows: transpose(split, order), adjoint };
}

/** x cut to whole windows, or extended by what never wins where padding reaches past the end. */
function padEnd(x: Node, axes: readonly WindowAxis[]): Node {
  const cut = slice(x, [], [x.shape[0], ...axes.map((a) => a.out * a.size)]);
  return pad(cut, [[0, 0], ...axes.map((a, i) => [0, Math.max(0, a.out * a.size - x.shape[i + 1])] as const)], -Infinity);
}

/** Zeros for what was cut off at the end; what was added there is dropped. */
function fit(g: Node, x: Node, kept: readonly number[]): Node {
  const cut = slice(g, [], [x.shape[0], ...kept.map((extent, i) => Math.min(extent, x.shape[i + 1]))]);
  return pad(cut, [[0, 0], ...kept.map((extent, i) => [0, Math.max(0, x.shape[i + 1] - extent)] as const)]);
}

function padded(x: Node, axes: readonly WindowAxis[]): View {
  const before = axes.map((a) => a.low);
  const after = axes.map((a, i) => Math.max(0, (a.out - 1) * a.stride + a.size - a.low - x.shape[i + 1]));
  const wide = pad(x, [[0, 0], ...before.map((low, i) => [low, after[i]] as const)], -Infinity);
  const shifted = axes.map((a) => ({ ...a, low: 0 }));
  const extents = wide.shape.slice(1, -1);
  const start = [0, ...before];
  const stop = [x.shape[0], ...axes.map((_, i) => before[i] + x.shape[i + 1])];
  return { windows: windows(wide, shifted), adjoint: (g) => slice(sumWindows(g, shifted, extents), start, stop) };
}

/** Row-major position of each element within its window, broadcast to all windows. */
function positions(axes: readonly WindowAxis[], view: Node): Node {
  const sizes = axes.map((a) => a.size);
  const strides = stridesOf(sizes);
  const flat = sizes.reduce<Node>((total, size, i) => {
    const along = mul(iota([size], 0), strides[i]);
    return add(total, reshape(along, [size, ...sizes.slice(i + 1).map(() => 1)]));
  }, full(0, [], 'i32'));
  return broadcastTo(reshape(flat, [...sizes, 1]), view.shape);
}

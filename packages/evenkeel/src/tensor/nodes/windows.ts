/** Sliding windows over the spatial axes of [N, ...spatial, C], as a view. */
import { ops } from '../../graph/index.ts';
import type { Node, WindowAttrs } from '../../graph/index.ts';
import { apply } from './apply.ts';
import { faults } from './faults.ts';
import { sum } from './reduce.ts';
import { broadcastTo, reshape } from './shape.ts';

/** Windows along one axis: window o looks at o * stride + k * dilation - low for k in 0 .. size-1. */
export interface WindowAxis {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  /** Positions before the first element; negative skips elements. */
  readonly low: number;
  /** Number of windows. */
  readonly out: number;
}

/** A number for all spatial axes, one for each, a pair [before, after] for each, or a rule: 'same' keeps ceil(extent / stride) outputs. */
export type Padding = number | readonly (number | readonly [number, number])[] | 'same' | 'valid';

export interface WindowOptions {
  readonly stride?: number | readonly number[];
  readonly padding?: Padding;
  readonly dilation?: number | readonly number[];
}

/** The windows of `sizes` over the spatial axes of x. @throws E208, E221, E222 */
export function windowAxes(op: string, x: Node, sizes: readonly number[], options: WindowOptions): WindowAxis[] {
  const stride = perAxis(op, x, 'stride', options.stride ?? 1, sizes.length);
  const dilation = perAxis(op, x, 'dilation', options.dilation ?? 1, sizes.length);
  return sizes.map((size, i) => {
    const extent = x.shape[i + 1];
    const reach = (size - 1) * dilation[i] + 1;
    const [low, high] = paddingOf(op, x, options.padding ?? 0, { axis: i, count: sizes.length, extent, reach, stride: stride[i] });
    if (extent + low + high < reach) throw faults.window(op, x.shape, i + 1, reach, extent + low + high);
    return { size, stride: stride[i], dilation: dilation[i], low, out: Math.floor((extent + low + high - reach) / stride[i]) + 1 };
  });
}

/** One whole number from 1 for each of `count` axes. @throws E208, E222 */
export function perAxis(op: string, x: Node, name: string, value: number | readonly number[], count: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(count).fill(value) : value;
  if (list.length !== count) throw faults.perAxis(op, x.shape, name, list.length, count);
  if (!list.every((v) => Number.isInteger(v) && v >= 1)) throw faults.option(op, name, 'must be whole numbers from 1', value, `give ${name}: 1 or more`);
  return list;
}

interface PaddedAxis { readonly axis: number; readonly count: number; readonly extent: number; readonly reach: number; readonly stride: number }

function paddingOf(op: string, x: Node, padding: Padding, at: PaddedAxis): readonly [number, number] {
  if (padding === 'valid') return [0, 0];
  if (padding === 'same') {
    const total = Math.max(0, (Math.ceil(at.extent / at.stride) - 1) * at.stride + at.reach - at.extent);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }
  if (typeof padding === 'object' && padding.length !== at.count) throw faults.perAxis(op, x.shape, 'padding', padding.length, at.count);
  const one = typeof padding === 'object' ? padding[at.axis] : padding;
  const pair = typeof one === 'number' ? ([one, one] as const) : one;
  const valid = typeof pair !== 'string' && pair.every((v) => Number.isInteger(v) && v >= 0);
  if (!valid) throw faults.option(op, 'padding', "must be whole numbers from 0, 'same' or 'valid'", padding, "for a 3x3 kernel, padding: 1 or 'same'");
  return pair;
}

/**
 * [N, ...S, C] -> [N, ...out, ...size, C]; positions outside x are 0. The padding is an op of its own, so that a product can read the
 * windows straight from a padded copy.
 */
export function windows(x: Node, axes: readonly WindowAxis[]): Node {
  const n = axes.length;
  const padded = zeroPadded(x, axes);
  const [batch, ...rest] = padded.shape;
  const spatial = rest.slice(0, n);
  const channels = rest.slice(n);
  const ones = reshape(padded, [batch, ...spatial, ...axes.map(() => 1), ...channels]);
  const spread = broadcastTo(ones, [batch, ...spatial, ...axes.map((a) => a.size), ...channels]);
  return axes.reduce((y, a, i) => apply(ops.skew, [y], skewAttrs({ ...a, low: Math.min(0, a.low) }, i, n)), spread);
}

/** Zeros before and after the spatial axes, as far as the windows reach. */
function zeroPadded(x: Node, axes: readonly WindowAxis[]): Node {
  const low = axes.map((a) => Math.max(0, a.low));
  const high = axes.map((a, i) => Math.max(0, (a.out - 1) * a.stride + (a.size - 1) * a.dilation + 1 - a.low - x.shape[i + 1]));
  if ([...low, ...high].every((p) => p === 0)) return x;
  const others = x.shape.slice(axes.length + 1).map(() => 0);
  return apply(ops.pad, [x], { low: [0, ...low, ...others], high: [0, ...high, ...others], value: 0 });
}

/** The adjoint of `windows`: adds every window element back to its place in [N, ...extents, C]. */
export function sumWindows(g: Node, axes: readonly WindowAxis[], extents: readonly number[]): Node {
  const n = axes.length;
  const spread = axes.reduce((y, a, i) => apply(ops.unskew, [y], { ...skewAttrs(a, i, n), size: extents[i] }), g);
  return sum(spread, axes.map((_, i) => 1 + n + i));
}

function skewAttrs(a: WindowAxis, i: number, n: number): WindowAttrs {
  return { axis: 1 + i, window: 1 + n + i, stride: a.stride, dilation: a.dilation, padding: a.low, out: a.out };
}

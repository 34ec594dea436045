/**
 * Convolution as sliding windows times a matrix. The convolution, its input gradient and its weight gradient are bilinear, and
 * each one's gradients are the other two, so the family is closed under differentiation. A kernel is [...size, C / groups, O],
 * its outputs ordered group by group.
 */
import type { Node } from '../../graph/index.ts';
import { full, withGradient } from './apply.ts';
import { faults } from './faults.ts';
import { flip, reshape, slice, stack, transpose } from './shape.ts';
import { windowAxes, windows } from './windows.ts';
import type { WindowAxis, WindowOptions } from './windows.ts';
import { windowsTimesGradient, windowsTimesKernel } from './window-product.ts';

/** Stride, padding and dilation of the windows, and groups. */
export interface ConvolutionOptions extends WindowOptions {
  /** Channels are split into this many groups that do not see each other; default 1. */
  readonly groups?: number;
}

/** Options of a transposed convolution: `padding` cuts from its output. */
export interface TransposedOptions extends ConvolutionOptions {
  /** Elements added at the end of the output, which a strided convolution would not have reached; default 0. */
  readonly outputPadding?: number | readonly number[];
}

interface Geometry {
  readonly axes: readonly WindowAxis[];
  /** Spatial extents of the convolution's input. */
  readonly extents: readonly number[];
  readonly groups: number;
}

/** x [N, ...spatial, C] and w [...size, C / groups, O] give [N, ...out, O]. @throws E220, E221 */
export function convolution(op: string, x: Node, w: Node, options: ConvolutionOptions = {}): Node {
  const rank = w.shape.length - 2;
  const groups = options.groups ?? 1;
  checkOperands(op, x, w, groups);
  const axes = windowAxes(op, x, w.shape.slice(0, rank), options);
  return forward(x, w, { axes, extents: x.shape.slice(1, rank + 1), groups });
}

/** The adjoint of `convolution` in x, used as a layer: x [N, ...spatial, O] and w [...size, C / groups, O] give [N, ...larger, C]. */
export function transposedConvolution(op: string, x: Node, w: Node, options: TransposedOptions = {}): Node {
  const rank = w.shape.length - 2;
  const groups = options.groups ?? 1;
  if (x.shape.length !== w.shape.length || x.shape.at(-1) !== w.shape.at(-1)) {
    const hint = `give w the shape [...size, outputs / groups, ${x.shape.at(-1)}]`;
    throw faults.convolution(op, 'the channels of x must be the last axis of w', x.shape, w.shape, hint);
  }
  const sizes = w.shape.slice(0, rank);
  const each = (value: number | readonly number[] | undefined, otherwise: number): number[] =>
    sizes.map((_, i) => (typeof value === 'number' ? value : value?.[i] ?? otherwise));
  const [stride, dilation, extra] = [each(options.stride, 1), each(options.dilation, 1), each(options.outputPadding, 0)];
  const { padding = 0 } = options;
  if (typeof padding === 'string') {
    throw faults.option(op, 'padding', 'must be numbers here', padding, 'say how many elements to cut from each side of the output');
  }
  const pairs = sizes.map((_, i): readonly [number, number] => {
    const one = typeof padding === 'number' ? padding : padding[i] as number | readonly [number, number];
    return typeof one === 'number' ? [one, one] : one;
  });
  const extents = sizes.map((size, i) => (x.shape[i + 1] - 1) * stride[i] + (size - 1) * dilation[i] + 1 - pairs[i][0] - pairs[i][1] + extra[i]);
  const axes = sizes.map((size, i) => ({ size, stride: stride[i], dilation: dilation[i], low: pairs[i][0], out: x.shape[i + 1] }));
  return inputGradient(x, w, { axes, extents, groups });
}

function checkOperands(op: string, x: Node, w: Node, groups: number): void {
  if (x.dtype !== w.dtype) throw faults.mixed(op, x, w);
  const channels = x.shape.at(-1)!;
  if (x.shape.length < 2 || x.shape.length !== w.shape.length) {
    const rule = 'x must be [N, ...spatial, C] and w [...size, C / groups, O]';
    throw faults.convolution(op, rule, x.shape, w.shape, `give x ${w.shape.length} axes, channels last`);
  }
  if (channels % groups !== 0 || w.shape.at(-1)! % groups !== 0) {
    const rule = `groups (${groups}) must divide the input and output channels`;
    throw faults.convolution(op, rule, x.shape, w.shape, `choose groups that divide ${channels} and ${w.shape.at(-1)}`);
  }
  if (w.shape.at(-2) !== channels / groups) {
    const split = `${channels} input channels in ${groups} group${groups === 1 ? '' : 's'}`;
    const rule = `${split} need a kernel of ${channels / groups} channels, not ${w.shape.at(-2)}`;
    throw faults.convolution(op, rule, x.shape, w.shape, `give w the shape [...size, ${channels / groups}, ${w.shape.at(-1)}]; x must be channels last`);
  }
}

function forward(x: Node, w: Node, geometry: Geometry): Node {
  const y = windowsTimesKernel(windows(x, geometry.axes), w, geometry.groups);
  return withGradient(y, [x, w], (g, _y, [a, k]) => [inputGradient(g, k, geometry), weightGradient(a, g, geometry)]);
}

/** The gradient in x: g [N, ...out, O] and w give [N, ...extents, C]. */
function inputGradient(g: Node, w: Node, geometry: Geometry): Node {
  const strided = geometry.axes.some((a) => a.stride > 1);
  const dx = strided ? byPhases(g, w, geometry) : fromPhase(g, w, geometry.groups, geometry.axes.map((a, i) => whole(a, geometry.extents[i])));
  return withGradient(dx, [g, w], (h, _y, [a, k]) => [forward(h, k, geometry), weightGradient(h, a, geometry)]);
}

/** The gradient in w: x [N, ...extents, C] and g [N, ...out, O] give [...size, C / groups, O]. */
function weightGradient(x: Node, g: Node, geometry: Geometry): Node {
  const dw = windowsTimesGradient(windows(x, geometry.axes), g, geometry.groups);
  return withGradient(dw, [x, g], (v, _y, [a, b]) => [inputGradient(b, v, geometry), forward(a, v, geometry)]);
}

/** The kernel elements first, first + step, ... that reach one phase of the input positions, and the windows of g they need. */
interface Phase { readonly first: number; readonly step: number; readonly count: number; readonly window: WindowAxis }

/** Stride 1: every kernel element reaches every position. */
function whole(a: WindowAxis, extent: number): Phase {
  const window = { size: a.size, stride: 1, dilation: a.dilation, low: (a.size - 1) * a.dilation - a.low, out: extent };
  return { first: 0, step: 1, count: a.size, window };
}

/**
 * Input position h takes part in window o through element k where o * stride + k * dilation - low = h. For the positions with
 * h mod stride = offset that holds for every `step`-th k, and o runs with stride 1: a small convolution of its own.
 */
function phaseOf(a: WindowAxis, offset: number, out: number): Phase | undefined {
  const rest = (offset + a.low) % a.stride;
  const step = a.stride / gcd(a.dilation, a.stride);
  let first = 0;
  while (first < Math.min(step, a.size) && (first * a.dilation) % a.stride !== rest) first++;
  if (first >= Math.min(step, a.size)) return undefined;
  const count = Math.ceil((a.size - first) / step);
  const dilation = (step * a.dilation) / a.stride;
  const shift = (rest - first * a.dilation) / a.stride + (offset + a.low - rest) / a.stride;
  return { first, step, count, window: { size: count, stride: 1, dilation, low: (count - 1) * dilation - shift, out } };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Windows of g with stride 1 times the flipped part of the kernel. */
function fromPhase(g: Node, w: Node, groups: number, phases: readonly Phase[]): Node {
  const part = slice(w, phases.map((p) => p.first), [], phases.map((p) => p.step));
  return windowsTimesKernel(windows(g, phases.map((p) => p.window)), swapChannels(flip(part, phases.map((_, axis) => axis)), groups), groups);
}

/** One small convolution for each phase of the strides, their results interleaved. */
function byPhases(g: Node, w: Node, geometry: Geometry): Node {
  const { axes, extents, groups } = geometry;
  const rank = axes.length;
  const lengths = axes.map((a, i) => Math.ceil(extents[i] / a.stride));
  const channels = w.shape[rank] * groups;
  const assemble = (chosen: readonly (Phase | undefined)[]): Node => {
    const axis = chosen.length;
    if (axis === rank) {
      const found = chosen.filter((p) => p !== undefined);
      return found.length < rank ? full(0, [g.shape[0], ...lengths, channels]) : fromPhase(g, w, groups, found);
    }
    const parts = Array.from({ length: axes[axis].stride }, (_, offset) => assemble([...chosen, phaseOf(axes[axis], offset, lengths[axis])]));
    const joined = stack(parts, axis + 2);
    return reshape(joined, joined.shape.toSpliced(axis + 1, 2, lengths[axis] * parts.length));
  };
  return slice(assemble([]), [], [g.shape[0], ...extents, channels]);
}

/** [...size, C / groups, O] -> [...size, O / groups, C]. */
function swapChannels(w: Node, groups: number): Node {
  const size = w.shape.slice(0, -2);
  const [c, o] = w.shape.slice(-2);
  const rank = size.length;
  const grouped = reshape(w, [...size, c, groups, o / groups]);
  const swapped = transpose(grouped, [...size.keys(), rank + 2, rank + 1, rank]);
  return reshape(swapped, [...size, o / groups, groups * c]);
}

/** The geometry of sliding windows, which skew and its adjoint share. */
import type { Shape } from '../base/index.ts';
import { checkArity, checkAxis } from './check.ts';
import { faults } from './faults.ts';
import type { Spec } from './node.ts';

/** Output o looks through window element k at input position o * stride + k * dilation - padding. */
export interface WindowAttrs {
  /** The axis that windows slide along. */
  readonly axis: number;
  /** The axis of positions within a window. */
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros thought before the first element; negative skips elements. */
  readonly padding: number;
  /** Number of windows. */
  readonly out: number;
}

/** The adjoint's attributes: it must also know how many elements there were. */
export interface UnskewAttrs extends WindowAttrs { readonly size: number }

/** Checks a windowed op and gives the shape with another extent at `axis`. @throws E202, E213 */
export function inferWindows(op: string, inputs: readonly Spec[], attrs: WindowAttrs, extent: number): Spec {
  checkArity(op, inputs, 1);
  const { shape, dtype } = inputs[0];
  checkAxis(op, shape, attrs.axis);
  checkAxis(op, shape, attrs.window);
  const { axis, window, stride, dilation, padding, out } = attrs;
  if (axis === window) throw faults.windows(op, shape, 'the window needs an axis of its own', `axis ${axis}, window ${window}`);
  const whole = [stride, dilation, padding, out, extent].every(Number.isInteger);
  if (!whole || stride < 1 || dilation < 1 || out < 0 || extent < 0) {
    throw faults.windows(op, shape, 'stride and dilation must be at least 1 and sizes whole numbers',
      `stride ${stride}, dilation ${dilation}, padding ${padding}, ${out} windows`);
  }
  return { shape: withExtent(shape, axis, extent), dtype };
}

function withExtent(shape: Shape, axis: number, extent: number): Shape {
  return shape.map((old, at) => (at === axis ? extent : old));
}

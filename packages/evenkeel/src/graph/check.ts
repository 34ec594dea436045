/** Checks that several ops share. Each throws a Fault. */
import { sameShape } from '../base/index.ts';
import type { DType, Shape } from '../base/index.ts';
import { faults } from './faults.ts';
import type { Spec } from './node.ts';

export const FLOAT: readonly DType[] = ['f32'];
export const SIGNED: readonly DType[] = ['f32', 'i32'];
export const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];
export const BITS: readonly DType[] = ['i32', 'u32', 'bool'];
export const ANY: readonly DType[] = ['f32', 'i32', 'u32', 'bool'];

/** @throws E219 unless there are `count` operands. */
export function checkArity(op: string, inputs: readonly Spec[], count: number): void {
  if (inputs.length !== count) throw faults.arity(op, count === 1 ? '1 operand' : `${count} operands`, inputs.length);
}

/** @throws E211 if operand `position` has a dtype outside `types`. */
export function checkType(op: string, inputs: readonly Spec[], position: number, types: readonly DType[]): void {
  if (!types.includes(inputs[position].dtype)) throw faults.dtype(op, inputs[position], position, types);
}

/** @throws E210 unless all operands have one dtype. */
export function checkOneType(op: string, inputs: readonly Spec[]): void {
  if (inputs.some((s) => s.dtype !== inputs[0].dtype)) throw faults.mixed(op, inputs);
}

/** @throws E201 unless all operands have one shape. */
export function checkOneShape(op: string, inputs: readonly Spec[]): void {
  if (inputs.some((s) => !sameShape(s.shape, inputs[0].shape))) throw faults.shapes(op, inputs);
}

/** @throws E202 unless `axis` counts from the front and exists. */
export function checkAxis(op: string, shape: Shape, axis: number): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) throw faults.axis(op, shape, axis);
}

/** @throws E202 unless `axes` exist and ascend. */
export function checkAxes(op: string, shape: Shape, axes: readonly number[]): void {
  for (const axis of axes) checkAxis(op, shape, axis);
  if (axes.some((axis, at) => at > 0 && axis <= axes[at - 1])) throw faults.axes(op, shape, axes);
}

/** @throws E208 unless `values` holds one whole number >= 0 per axis. */
export function checkPerAxis(op: string, shape: Shape, name: string, values: readonly number[]): void {
  if (values.length !== shape.length || !values.every(isExtent)) throw faults.perAxis(op, shape, name, values);
}

function isExtent(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

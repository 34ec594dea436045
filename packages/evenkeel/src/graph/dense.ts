/** The reference evaluator's arithmetic: naive loops over f64, one element at a time. */
import { sizeOf } from '../base/index.ts';
import type { DType, Shape } from '../base/index.ts';
import type { Dense, Spec } from './node.ts';

/** Values of any array type as the reference evaluator holds them. */
export function dense(shape: Shape, values: ArrayLike<number>): Dense {
  return { shape, data: Float64Array.from(values) };
}

/** A tensor from a function of the multi-index. */
export function tabulate(shape: Shape, value: (index: readonly number[]) => number): Dense {
  const data = new Float64Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = value(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}

/** The element at a multi-index. */
export function at(x: Dense, index: readonly number[]): number {
  return x.data[offsetOf(x.shape, index)];
}

/** Row-major offset of a multi-index. */
export function offsetOf(shape: Shape, index: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) offset = offset * shape[axis] + index[axis];
  return offset;
}

/** One element from the same element of up to three inputs; integers wrap to 32 bits. */
export function mapElements(spec: Spec, inputs: readonly Dense[], f: (a: number, b: number, c: number) => number): Dense {
  const data = new Float64Array(sizeOf(spec.shape));
  const [a, b, c] = inputs.map((x) => x.data);
  for (let i = 0; i < data.length; i++) data[i] = wrap(f(a[i], b?.[i], c?.[i]), spec.dtype);
  return { shape: spec.shape, data };
}

/** What a 32-bit integer keeps of a whole number below 2^53; f32 stays f64, and anything but 0 is true. */
export function wrap(value: number, dtype: DType): number {
  switch (dtype) {
    case 'f32': return value;
    case 'i32': return value | 0;
    case 'u32': return value >>> 0;
    case 'bool': return value !== 0 ? 1 : 0;
    default: return dtype satisfies never;
  }
}

/** The nearest value that a dtype holds: truncated toward zero and limited to its range; NaN becomes 0. */
export function saturate(value: number, dtype: DType): number {
  switch (dtype) {
    case 'f32': return value;
    case 'i32': return Number.isNaN(value) ? 0 : Math.max(-2147483648, Math.min(2147483647, Math.trunc(value)));
    case 'u32': return Number.isNaN(value) ? 0 : Math.max(0, Math.min(4294967295, Math.trunc(value)));
    case 'bool': return value !== 0 ? 1 : 0;
    default: return dtype satisfies never;
  }
}

/** Tensors from host data. */
import { allocate, Fault, formatShape, sizeOf } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import { dtypeOf } from '../runtime/index.ts';
import * as nodes from './nodes/index.ts';
import { Tensor } from './tensor.ts';
import type { Nested } from './tensor.ts';

/** Data that `tensor` takes: numbers, nested as deep as the rank (booleans for bool), or a typed array. */
export type TensorData = TypedArray | number | boolean | readonly (TensorData | Nested)[];

/**
 * A tensor of the given values (copied).
 * @param shape  default: that of the nesting, or one axis for a typed array
 * @param dtype  default: that of the typed array, bool for booleans, else f32
 * @throws E226 for rows of unequal length, or values that do not fill the shape
 */
export function tensor(data: TensorData, shape?: Shape, dtype?: DType): Tensor {
  if (ArrayBuffer.isView(data)) return fromValues(data as TypedArray, shape ?? [data.length], dtype ?? dtypeOf(data as TypedArray));
  const values: number[] = [];
  const nested = nestedShape(data);
  flatten(data, nested, 0, values);
  return fromValues(values, shape ?? nested, dtype ?? (firstOf(data) === 'boolean' ? 'bool' : 'f32'));
}

function fromValues(values: ArrayLike<number>, shape: Shape, dtype: DType): Tensor {
  if (values.length !== sizeOf(shape)) {
    throw new Fault({
      code: 'E226', op: 'tensor', rule: 'the values must fill the shape',
      detail: [`shape ${formatShape(shape)} holds ${sizeOf(shape)}, got ${values.length}`],
      hint: 'leave the shape out, or give one that holds exactly these values',
    });
  }
  const data = allocate(dtype, values.length);
  if (dtype === 'bool') for (let i = 0; i < values.length; i++) data[i] = values[i] ? 1 : 0;
  else data.set(values);
  return new Tensor(nodes.constant(data, [...shape], dtype));
}

function nestedShape(data: unknown): number[] {
  return isList(data) ? [data.length, ...(data.length > 0 ? nestedShape(data[0]) : [])] : [];
}

function flatten(data: unknown, shape: Shape, depth: number, into: number[]): void {
  if (depth === shape.length && !isList(data)) {
    into.push(Number(data));
    return;
  }
  if (!isList(data) || data.length !== shape[depth]) {
    throw new Fault({
      code: 'E226', op: 'tensor', rule: 'rows must have equal lengths',
      detail: [`axis ${depth}: the first has ${shape[depth] ?? 'no rows'}, another ${isList(data) ? data.length : 'is a number'}`], hint: 'pad the short rows',
    });
  }
  for (const part of data) flatten(part, shape, depth + 1, into);
}

function isList(data: unknown): data is ArrayLike<unknown> & Iterable<unknown> {
  return Array.isArray(data) || ArrayBuffer.isView(data);
}

function firstOf(data: unknown): string {
  return isList(data) ? firstOf(data[0]) : typeof data;
}

/** All zeros. */
export function zeros(shape: Shape, dtype: DType = 'f32'): Tensor {
  return full(shape, 0, dtype);
}

/** All ones. */
export function ones(shape: Shape, dtype: DType = 'f32'): Tensor {
  return full(shape, 1, dtype);
}

/** One value everywhere. */
export function full(shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
  return new Tensor(nodes.full(value, [...shape], dtype));
}

/** start, start + step, ... below stop; arange(n) counts from 0. i32. */
export function arange(start: number, stop?: number, step = 1): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (![from, to, step].every(Number.isInteger) || !Number.isFinite(count)) {
    throw new Fault({
      code: 'E226', op: 'arange', rule: 'limits and step must be whole numbers, the step not 0', detail: [`got ${from}, ${to}, ${step}`],
      hint: "cast and scale the result: arange(10).cast('f32').mul(0.1)",
    });
  }
  return new Tensor(nodes.add(nodes.mul(nodes.iota([count], 0), step), from));
}

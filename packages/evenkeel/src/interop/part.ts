/** One entry of a layer's state, and how another framework keeps it. */
import { sameShape } from '../base/index.ts';
import type { SavedTensor } from '../train/index.ts';
import { gather, same } from './layout.ts';
import type { Layout } from './layout.ts';

/** Properties of our layer and names of theirs that hold the same; mostly one of each. */
export interface Part {
  readonly own: readonly string[];
  readonly theirs: readonly string[];
  read(theirs: readonly SavedTensor[]): readonly SavedTensor[];
  /** undefined where our values do not tell. */
  write(own: readonly SavedTensor[]): readonly (SavedTensor | undefined)[];
  /** A file that lacks it means zeros. Default false. */
  readonly optional?: boolean;
  /** The option in a Keras config that says whether the layer has it, and what no option means. */
  readonly option?: { readonly name: string; readonly otherwise: boolean };
}

/** One property, one name. */
export function one(own: string, theirs: string, layout: Layout = same): Part {
  return { own: [own], theirs: [theirs], read: ([tensor]) => [layout.read(tensor)], write: ([tensor]) => [layout.write(tensor)] };
}

/** One that a Keras layer has or not, as its config says. */
export function where(name: string, part: Part, otherwise = true): Part {
  return { ...part, option: { name, otherwise } };
}

/** Elements from `start` on along the last axis. */
export function columns(x: SavedTensor, start: number, end: number): SavedTensor {
  const shape = [...x.shape.slice(0, -1), end - start];
  const strides = x.shape.map((_, axis) => x.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return { dtype: x.dtype, shape, data: gather(x, shape, strides, start) };
}

/** Tensors beside each other on the first axis. */
export function joined(...parts: readonly SavedTensor[]): SavedTensor {
  const data = Float32Array.from(parts.flatMap((part) => [...part.data]));
  return { dtype: 'f32', shape: [parts.reduce((n, part) => n + part.shape[0], 0), ...parts[0].shape.slice(1)], data };
}

/** Sum of two, element by element. */
export function sum(a: SavedTensor, b: SavedTensor): SavedTensor {
  return { dtype: 'f32', shape: a.shape, data: Float32Array.from(a.data, (value, i) => value + b.data[i]) };
}

/** Zeros of the same shape. */
export function zerosLike({ shape, data }: SavedTensor): SavedTensor {
  return { dtype: 'f32', shape, data: new Float32Array(data.length) };
}

/** One number, in the shape []. */
export function scalar(value: number): SavedTensor {
  return { dtype: 'i32', shape: [], data: Int32Array.of(value) };
}

/** True if both have the same axes. */
export function alike(a: SavedTensor, b: SavedTensor): boolean {
  return sameShape(a.shape, b.shape);
}

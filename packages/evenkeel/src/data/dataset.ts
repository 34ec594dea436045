/** What every source of training data looks like: a length, and batches of named columns by index. */
import type { DType, Shape, TypedArray } from '../base/index.ts';

/** Values of one name; the first axis of `shape` counts the samples. */
export interface Column {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Columns by name; `x` is what goes into a model and `y` what should come out, unless a loop says otherwise. */
export type Batch = Readonly<Record<string, Column>>;

/** Samples that are asked for by position; a source of your own needs only these two members. */
export interface Dataset {
  /** Number of samples. */
  readonly length: number;
  /** The samples at these positions, in this order, in arrays of their own. */
  batch(indices: ArrayLike<number>): Batch | Promise<Batch>;
}

/** The samples from `start` to before `stop` of another dataset. */
export function subset(dataset: Dataset, start: number, stop: number = dataset.length): Dataset {
  const first = Math.min(Math.max(start, 0), dataset.length);
  const length = Math.max(Math.min(stop, dataset.length) - first, 0);
  return { length, batch: (indices) => dataset.batch(Int32Array.from(indices, (i) => i + first)) };
}

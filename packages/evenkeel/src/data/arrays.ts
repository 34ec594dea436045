/** A dataset that lies in memory. */
import { allocate, Fault, formatShape, sizeOf } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import type { Batch, Column, Dataset } from './dataset.ts';

/** One column of an in-memory dataset. */
export interface ArrayColumn {
  /** Row-major; plain numbers become f32. */
  readonly data: TypedArray | readonly number[];
  /** Samples first, for example [60000, 28, 28, 1]. */
  readonly shape: Shape;
  /** Default: by the type of `data` (floats f32, Uint32Array u32, other integers i32). */
  readonly dtype?: DType;
}

/**
 * A dataset of columns that are already in memory. They are not copied.
 * @throws E506 if a column does not fill its shape or the columns have different lengths
 */
export function arrays(columns: Readonly<Record<string, ArrayColumn>>): Dataset {
  const entries = Object.entries(columns).map(([name, column]) => [name, checked(name, column)] as const);
  const length = entries[0]?.[1].shape[0] ?? 0;
  for (const [name, column] of entries) {
    if (column.shape[0] === length) continue;
    throw fault('columns must have the same number of samples', [`${entries[0][0]} has ${length}, ${name} has ${column.shape[0]}`],
      'cut the longer column, or find the samples that are missing from the shorter one');
  }
  return {
    length,
    batch: (indices): Batch => Object.fromEntries(entries.map(([name, column]) => [name, gatherRows(column, indices)])),
  };
}

function checked(name: string, column: ArrayColumn): Column {
  const data = Array.isArray(column.data) ? Float32Array.from(column.data) : (column.data as TypedArray);
  if (column.shape.length === 0 || data.length !== sizeOf(column.shape)) {
    throw fault(`column "${name}" must fill its shape`, [`shape ${formatShape(column.shape)} holds ${sizeOf(column.shape)}, got ${data.length} values`],
      'give the shape with the number of samples first');
  }
  return { data, shape: column.shape, dtype: column.dtype ?? dtypeOfData(data) };
}

function dtypeOfData(data: TypedArray): DType {
  if (data instanceof Float32Array || data instanceof Float64Array) return 'f32';
  return data instanceof Uint32Array ? 'u32' : 'i32';
}

function gatherRows(column: Column, indices: ArrayLike<number>): Column {
  const row = sizeOf(column.shape.slice(1));
  const data = allocate(column.dtype, indices.length * row);
  for (let i = 0; i < indices.length; i++) data.set(column.data.subarray(indices[i] * row, (indices[i] + 1) * row), i * row);
  return { data, shape: [indices.length, ...column.shape.slice(1)], dtype: column.dtype };
}

function fault(rule: string, detail: readonly string[], hint: string): Fault {
  return new Fault({ code: 'E506', op: 'arrays', rule, detail, hint });
}

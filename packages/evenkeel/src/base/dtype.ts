/** Element types. f64 exists in the reference evaluator only; everything that runs is one of the other four. */
export type DType = 'f32' | 'i32' | 'u32' | 'bool';

/** Host arrays that hold values: f32, i32, u32, bool (one byte each), and f64 in the reference evaluator. */
export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint8Array | Float64Array;

/** Bytes of one element in memory. A bool is stored as an i32 of 0 or 1, so that every lane has the same width. */
export const BYTES_PER_ELEMENT = 4;

/** True for i32 and u32. */
export function isInteger(dtype: DType): boolean {
  return dtype === 'i32' || dtype === 'u32';
}

/** A zeroed array that holds `size` elements of `dtype` as they lie in memory. */
export function allocate(dtype: DType, size: number): Float32Array | Int32Array | Uint32Array {
  switch (dtype) {
    case 'f32': return new Float32Array(size);
    case 'i32': return new Int32Array(size);
    case 'u32': return new Uint32Array(size);
    case 'bool': return new Int32Array(size);
    default: return dtype satisfies never;
  }
}

/** Host data on its way into a step. */
import { Fault, formatShape, isInteger, sizeOf } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';

/** Values with their shape; `data` may be of another type than `dtype`, it is converted when it is copied. */
export interface Feed {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The step's name for it, for errors. */
  readonly name?: string;
}

/** The dtype that plain data of this type has: bytes become i32, f64 becomes f32. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array || data instanceof Float64Array) return 'f32';
  return data instanceof Uint32Array ? 'u32' : 'i32';
}

/** @throws E401 if the data do not fill the shape */
export function checkFeed(step: string, name: string, feed: Feed): void {
  const size = sizeOf(feed.shape);
  if (feed.data.length === size) return;
  throw new Fault({
    code: 'E401', op: step, rule: `input "${name}" must hold as many values as its shape`,
    detail: [`shape ${formatShape(feed.shape)} holds ${size}, got ${feed.data.length}`], hint: 'give the shape that the data really have',
  });
}

/**
 * Checks on the host that values that index something stay inside it.
 * @throws E402 naming the input, the first bad value and the bound
 */
export function checkBound(step: string, name: string, feed: Feed, bound: number): void {
  const { data } = feed;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (value >= 0 && value < bound) continue;
    throw new Fault({
      code: 'E402', op: step, rule: `input "${name}" indexes ${bound} entries and must lie in 0 .. ${bound - 1}`,
      detail: [`got ${value} at element ${i} of ${formatShape(feed.shape)}`],
      hint: isInteger(feed.dtype) ? 'check the labels or ids in the data (do they count from 1, or mark missing ones with -1?)' : 'pass integers',
    });
  }
}

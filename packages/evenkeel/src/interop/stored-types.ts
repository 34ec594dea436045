/**
 * Numbers of other frameworks in our types: floats of any width become f32 (f64 is rounded), whole numbers i32 where they fit. All
 * are little-endian, as every framework writes them on the machines of today.
 */
import type { SavedTensor, StoredType } from '../train/index.ts';
import { faults } from './faults.ts';

type Decoded = Pick<SavedTensor, 'dtype' | 'data'>;

/** A stored type by its safetensors name. */
export const STORED_TYPES: ReadonlyMap<string, StoredType> = new Map([
  ['F64', floats(8, (view, at) => view.getFloat64(at, true))],
  ['F32', floats(4, (view, at) => view.getFloat32(at, true))],
  ['F16', floats(2, (view, at) => half(view.getUint16(at, true)))],
  ['BF16', floats(2, (view, at) => brain(view.getUint16(at, true)))],
  ['I64', wholes('I64', 8, (view, at) => view.getBigInt64(at, true))],
  ['U64', wholes('U64', 8, (view, at) => view.getBigUint64(at, true))],
  ['I32', wholes('I32', 4, (view, at) => view.getInt32(at, true))],
  ['U32', wholes('U32', 4, (view, at) => view.getUint32(at, true))],
  ['I16', wholes('I16', 2, (view, at) => view.getInt16(at, true))],
  ['U16', wholes('U16', 2, (view, at) => view.getUint16(at, true))],
  ['I8', wholes('I8', 1, (view, at) => view.getInt8(at))],
  ['U8', wholes('U8', 1, (view, at) => view.getUint8(at))],
  ['BOOL', { bytes: 1, decode: (bytes): Decoded => ({ dtype: 'bool', data: Int32Array.from(bytes, (value) => Number(value !== 0)) }) }],
] satisfies [string, StoredType][]);

/** IEEE binary16: 1 sign, 5 exponent and 10 fraction bits. */
export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** bfloat16: the upper half of an f32. */
export function brain(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0];
}

function floats(width: number, read: (view: DataView, at: number) => number): StoredType {
  return { bytes: width, decode: (bytes) => ({ dtype: 'f32', data: Float32Array.from(elements(bytes, width, read)) }) };
}

function wholes(type: string, width: number, read: (view: DataView, at: number) => number | bigint): StoredType {
  return { bytes: width, decode: (bytes, name): Decoded => ({ dtype: 'i32', data: wholeNumbers(elements(bytes, width, read), type, name) }) };
}

/** Whole numbers as i32. @throws E513 for one outside of it */
export function wholeNumbers(values: readonly (number | bigint)[], type: string, name: string): Int32Array {
  return Int32Array.from(values, (value) => {
    if (value < -(2 ** 31) || value >= 2 ** 31) throw faults.inexact(name, name, value, type, 'i32');
    return Number(value);
  });
}

function elements<T>(bytes: Uint8Array, width: number, read: (view: DataView, at: number) => T): T[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / width }, (_, i) => read(view, i * width));
}

import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../src/train/safetensors.ts';
import type { SafetensorsFile } from '../../src/train/safetensors.ts';

const file: SafetensorsFile = {
  tensors: new Map([
    ['weight', { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, NaN, Infinity) }],
    ['flag', { dtype: 'bool', shape: [3], data: Int32Array.of(1, 0, 1) }],
    ['count', { dtype: 'u32', shape: [], data: Uint32Array.of(4294967295) }],
    ['none', { dtype: 'i32', shape: [0, 4], data: new Int32Array(0) }],
  ]),
  metadata: { framework: 'evenkeel' },
};

/** A file with this header and `dataBytes` zeros. */
function raw(header: unknown, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

describe('safetensors', () => {
  it('gives back what was stored, bit for bit', () => {
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors(file), 'f');
    expect(tensors).toEqual(file.tensors);
    expect(metadata).toEqual({ framework: 'evenkeel' });
  });

  it('pads the header to 8 bytes with spaces, and starts the data there', () => {
    const bytes = encodeSafetensors(file);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(new DataView(bytes.buffer).getFloat32(8 + length, true)).toBe(1);
  });

  it('reads bytes at an odd position of a larger buffer', () => {
    const bytes = encodeSafetensors(file);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(decodeSafetensors(shifted.subarray(1), 'f').tensors).toEqual(file.tensors);
  });

  it('notices a file that is cut short or has something left over', () => {
    const bytes = encodeSafetensors(file);
    expect(() => decodeSafetensors(bytes.subarray(0, -1), 'net.safetensors')).toThrow(
      'E502 net.safetensors: this is not a whole safetensors file.\n     its tensors need 31 bytes of data, the file has 30\n     Fix: save or copy the file again');
    expect(() => decodeSafetensors(bytes.subarray(0, 40), 'f')).toThrow(/its header should have \d+ bytes, the file has 40/);
    expect(() => decodeSafetensors(bytes.subarray(0, 4), 'f')).toThrow('it has 4 bytes, less than the 8 of the header length');
    expect(() => decodeSafetensors(Uint8Array.of(...bytes, 0), 'f')).toThrow('its tensors need 31 bytes of data, the file has 32');
  });

  it('notices a damaged header', () => {
    const entry = (start: number, end: number): unknown => ({ dtype: 'F32', shape: [1], data_offsets: [start, end] });
    expect(() => decodeSafetensors(raw('{"a":', 0), 'f')).toThrow('its header is not JSON');
    expect(() => decodeSafetensors(raw([], 0), 'f')).toThrow('its header is not a JSON object');
    expect(() => decodeSafetensors(raw({ a: { dtype: 'F32' } }, 0), 'f')).toThrow('the entry of "a" lacks its dtype, shape or data_offsets');
    expect(() => decodeSafetensors(raw({ a: entry(0, 8) }, 8), 'f')).toThrow('"a" [1] needs 4 bytes, its offsets [0, 8] give 8');
    expect(() => decodeSafetensors(raw({ a: entry(0, 4), b: entry(0, 4) }, 4), 'f')).toThrow('"b" starts at byte 0 of the data instead of 4');
    expect(() => decodeSafetensors(raw({ a: entry(4, 8) }, 8), 'f')).toThrow('"a" starts at byte 4 of the data instead of 0');
  });

  it('names a type that it does not have', () => {
    expect(() => decodeSafetensors(raw({ a: { dtype: 'BF16', shape: [1], data_offsets: [0, 2] } }, 2), 'f')).toThrow(
      'E508 f: tensor "a" has the type BF16, which evenkeel does not have.\n     known types: F32, I32, U32, BOOL\n     Fix: convert the file to float32 where it was made');
  });
});

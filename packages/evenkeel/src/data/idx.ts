/** The IDX format of the MNIST files: two zero bytes, a type byte, the rank, the sizes as big-endian u32, the values. */
import { Fault, formatShape, sizeOf } from '../base/index.ts';

/** What an IDX file holds. */
export interface IdxFile {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** What a file must hold; `undefined` in `shape` stands for any size. */
export interface IdxExpectation {
  readonly what: string;
  readonly shape: readonly (number | undefined)[];
}

const UNSIGNED_BYTE = 0x08;
const TYPE_NAMES: Readonly<Record<number, string>> = { 8: 'u8', 9: 'i8', 11: 'i16', 12: 'i32', 13: 'f32', 14: 'f64' };

/**
 * Reads IDX bytes of type u8 (the only one in use); the data are a view, not a copy.
 * @throws E502 if it is not an IDX file of bytes, E503 if it is cut short or too long, E504 if it holds something else than expected
 */
export function parseIdx(bytes: Uint8Array, name: string, expected?: IdxExpectation): IdxFile {
  const shape = header(bytes, name);
  const start = 4 + 4 * shape.length;
  const size = sizeOf(shape);
  if (bytes.length !== start + size) {
    throw new Fault({
      code: 'E503', op: name, rule: bytes.length < start + size ? 'the file is cut short' : 'the file is longer than its header says',
      detail: [`the header says ${formatShape(shape)}: ${start} + ${size} bytes`, `the file has ${bytes.length} bytes`],
      hint: 'download or copy the file again',
    });
  }
  if (expected) checkContent(shape, name, expected);
  return { shape, data: bytes.subarray(start) };
}

function header(bytes: Uint8Array, name: string): number[] {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw notIdx(name, 'it is still compressed (gzip)', `gunzip it, or name it ${name}.gz`);
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    const start = [...bytes.subarray(0, 4)].map((b) => b.toString(16).padStart(2, '0')).join(' ');
    throw notIdx(name, `expected it to start with 00 00 08, got ${start || 'an empty file'}`, 'check that the path names an IDX file (often a web page was saved instead)');
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    throw notIdx(name, `expected values of type 08 (u8), got ${hex(bytes[2])} (${TYPE_NAMES[bytes[2]] ?? 'unknown'})`, 'convert the values to unsigned bytes');
  }
  const rank = bytes[3];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (rank === 0 || bytes.length < 4 + 4 * rank) throw notIdx(name, `its header of ${rank} sizes is cut short`, 'download or copy the file again');
  return Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function notIdx(name: string, detail: string, hint: string): Fault {
  return new Fault({ code: 'E502', op: name, rule: 'this is not an IDX file of bytes', detail: [detail], hint });
}

function checkContent(shape: readonly number[], name: string, expected: IdxExpectation): void {
  const fits = shape.length === expected.shape.length && expected.shape.every((extent, axis) => extent === undefined || extent === shape[axis]);
  if (fits) return;
  const wanted = `[${expected.shape.map((extent) => extent ?? 'any').join(', ')}]`;
  throw new Fault({
    code: 'E504', op: name, rule: `the file does not hold ${expected.what}`, detail: [`expected ${wanted}, got ${formatShape(shape)}`],
    hint: 'check that images and labels, train and t10k, were not mixed up',
  });
}

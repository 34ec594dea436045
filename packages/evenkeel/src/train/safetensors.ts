/**
 * The safetensors format: a u64 header length, a JSON header, then the tensors one after the other, little-endian
 * (github.com/huggingface/safetensors, "Format"). Every byte is accounted for, so that a damaged file is noticed.
 */
import { allocate, Fault, formatShape, sizeOf } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';

/** Values as they lie in memory, row-major. */
export interface SavedTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** Tensors by name, in file order. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** Free text by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }

const NAMES = { f32: 'F32', i32: 'I32', u32: 'U32', bool: 'BOOL' } as const satisfies Record<DType, string>;

/** How a type of the format becomes one of ours. */
export interface StoredType {
  readonly bytes: number;
  /** @param name the tensor's, for error texts */
  decode(bytes: Uint8Array, name: string): Pick<SavedTensor, 'dtype' | 'data'>;
}

/** The types that evenkeel writes. */
const OWN_TYPES: ReadonlyMap<string, StoredType> = new Map(Object.entries(NAMES).map(([dtype, name]) => [name, ownType(dtype as DType)]));
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** Bytes of a file that holds these tensors in this order. */
export function encodeSafetensors(file: SafetensorsFile): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(file.metadata).length > 0) header.__metadata__ = file.metadata;
  let end = 0;
  for (const [name, { dtype, shape }] of file.tensors) {
    const start = end;
    end += sizeOf(shape) * bytesPerElement(dtype);
    header[name] = { dtype: NAMES[dtype], shape, data_offsets: [start, end] } satisfies Entry;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, 8, 8 + headerBytes);
  bytes.set(text, 8);
  let at = 8 + headerBytes;
  for (const tensor of file.tensors.values()) {
    const stored = storedBytes(tensor);
    bytes.set(stored, at);
    at += stored.length;
  }
  return bytes;
}

/**
 * The tensors of a file, as copies.
 * @param source the file's name, for error texts
 * @param types  how each type is read; default: those of evenkeel, as they are
 * @throws E502 if it is not a whole safetensors file, E508 for a tensor of a type that evenkeel does not have
 */
export function decodeSafetensors(bytes: Uint8Array, source: string, types: ReadonlyMap<string, StoredType> = OWN_TYPES): SafetensorsFile {
  const { header, start } = readHeader(bytes, source);
  const { __metadata__: metadata = {}, ...entries } = header;
  const checked = Object.entries(entries).map(([name, entry]) => ({ name, entry: checkEntry(name, entry, source, types) }));
  checkCoverage(checked, bytes.length - start, source);
  const tensors = new Map(checked.map(({ name, entry }) => [name, {
    shape: entry.shape, ...types.get(entry.dtype)!.decode(bytes.subarray(start + entry.data_offsets[0], start + entry.data_offsets[1]), name),
  }]));
  return { tensors, metadata: metadata as Record<string, string> };
}

function bytesPerElement(dtype: DType): number {
  return dtype === 'bool' ? 1 : 4;
}

function storedBytes({ dtype, data }: SavedTensor): Uint8Array {
  if (dtype === 'bool') return Uint8Array.from(data);
  const values = allocate(dtype, data.length);
  values.set(data);
  return new Uint8Array(values.buffer);
}

function ownType(dtype: DType): StoredType {
  const width = bytesPerElement(dtype);
  return {
    bytes: width,
    decode: (bytes) => {
      const data = allocate(dtype, bytes.length / width);
      if (dtype === 'bool') data.set(bytes);
      else new Uint8Array(data.buffer).set(bytes);
      return { dtype, data };
    },
  };
}

function readHeader(bytes: Uint8Array, source: string): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) throw damaged(source, `it has ${bytes.length} bytes, less than the 8 of the header length`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || 8 + length > bytes.length) throw damaged(source, `its header should have ${length} bytes, the file has ${bytes.length}`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    throw damaged(source, `its header is not JSON: ${(error as Error).message}`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw damaged(source, 'its header is not a JSON object');
  return { header: header as Record<string, unknown>, start: 8 + length };
}

function checkEntry(name: string, value: unknown, source: string, types: ReadonlyMap<string, StoredType>): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<Entry>;
  const whole = (list: unknown): list is number[] => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (typeof dtype !== 'string' || !whole(shape) || !whole(offsets) || offsets.length !== 2) throw damaged(source, `the entry of "${name}" lacks its dtype, shape or data_offsets`);
  const known = types.get(dtype);
  if (known === undefined) {
    throw new Fault({ code: 'E508', op: source, rule: `tensor "${name}" has the type ${dtype}, which evenkeel does not have`, detail: [`known types: ${[...types.keys()].join(', ')}`], hint: 'convert the file to float32 where it was made' });
  }
  const size = sizeOf(shape) * known.bytes;
  if (offsets[1] - offsets[0] !== size) throw damaged(source, `"${name}" ${formatShape(shape)} needs ${size} bytes, its offsets ${formatShape(offsets)} give ${offsets[1] - offsets[0]}`);
  return { dtype, shape, data_offsets: [offsets[0], offsets[1]] };
}

/** Together the tensors must cover the data exactly: no gap, no overlap, nothing missing or left over. */
function checkCoverage(entries: readonly { readonly name: string; readonly entry: Entry }[], available: number, source: string): void {
  let end = 0;
  for (const { name, entry } of entries.toSorted((a, b) => a.entry.data_offsets[0] - b.entry.data_offsets[0] || a.entry.data_offsets[1] - b.entry.data_offsets[1])) {
    if (entry.data_offsets[0] !== end) throw damaged(source, `"${name}" starts at byte ${entry.data_offsets[0]} of the data instead of ${end}`);
    end = entry.data_offsets[1];
  }
  if (end !== available) throw damaged(source, `its tensors need ${end} bytes of data, the file has ${available}`);
}

function damaged(source: string, detail: string): Fault {
  return new Fault({ code: 'E502', op: source, rule: 'this is not a whole safetensors file', detail: [detail], hint: 'save or copy the file again' });
}

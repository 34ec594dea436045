/** HDF5 files as a tree of groups, read while the file is open. */
import { Fault } from '../base/index.ts';
import type { SavedTensor } from '../train/index.ts';
import { faults } from './faults.ts';
import { h5wasm } from './libraries.ts';
import type { Hdf5Library, LibraryDataset, LibraryGroup } from './libraries.ts';
import { wholeNumbers } from './stored-types.ts';

/** A group of an open file. */
export interface Hdf5Group {
  readonly groups: ReadonlyMap<string, Hdf5Group>;
  readonly tensors: ReadonlyMap<string, () => SavedTensor>;
  /** Texts of an attribute: one, or a list. Undefined if there is none. */
  texts(name: string): readonly string[] | undefined;
}

/** What `read` makes of the file's root. @throws E514 without h5wasm, E516 for a damaged file, E513 for numbers of an unknown type */
export async function readHdf5<T>(bytes: Uint8Array, source: string, read: (root: Hdf5Group) => T): Promise<T> {
  const { open, module } = await h5wasm();
  // Opened, read and removed without a break, so that one name serves all.
  const path = '/evenkeel.h5';
  module.FS.writeFile(path, bytes);
  module.activate_throwing_error_handler();
  let file: ReturnType<Hdf5Library['open']> | undefined;
  try {
    file = open(path);
    return read(groupOf(file, source));
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw faults.damaged(source, 'HDF5 file', lastReason(error));
  } finally {
    file?.close();
    module.deactivate_throwing_error_handler();
    module.FS.unlink(path);
  }
}

/** The innermost of HDF5's own reasons. */
function lastReason(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n').filter((line) => line.includes('#0'));
  return lines.at(-1)?.replace(/^.*?\): /, '') ?? (error instanceof Error ? error.message : String(error));
}

function groupOf(group: LibraryGroup, source: string): Hdf5Group {
  const groups = new Map<string, Hdf5Group>(), tensors = new Map<string, () => SavedTensor>();
  for (const name of group.keys()) {
    const entity = group.get(name);
    if (is<LibraryGroup>(entity, 'Group')) groups.set(name, groupOf(entity, source));
    else if (is<LibraryDataset>(entity, 'Dataset')) tensors.set(name, () => tensorOf(entity, source));
  }
  return { groups, tensors, texts: (name) => textsOf(group.attrs, name) };
}

function is<E>(entity: object | null, type: string): entity is object & E {
  return entity !== null && 'type' in entity && entity.type === type;
}

function textsOf(attributes: LibraryGroup['attrs'], name: string): readonly string[] | undefined {
  if (name in attributes) return asTexts(attributes[name].value);
  // Keras splits a long list into name0, name1, ...
  const parts: string[] = [];
  for (let i = 0; `${name}${i}` in attributes; i++) parts.push(...asTexts(attributes[`${name}${i}`].value));
  return parts.length > 0 ? parts : undefined;
}

function asTexts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<unknown>, String) : [];
}

/** HDF5's classes of numbers. */
const INTEGER = 0, FLOAT = 1;

/** Floats as f32, whole numbers as i32. @throws E513 for others; h5wasm reads no 16-bit floats */
function tensorOf(dataset: LibraryDataset, source: string): SavedTensor {
  const { type, size } = dataset.metadata;
  const known = type === INTEGER || (type === FLOAT && size >= 4);
  if (!known) throw faults.dtype(source, dataset.path, type === FLOAT ? `F${size * 8}` : `class ${type} of HDF5`, ['F32', 'F64', 'whole numbers']);
  const { value } = dataset, shape = dataset.shape ?? [];
  const list = (ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number | bigint>) : [value as number | bigint]);
  return { shape, ...(type === FLOAT ? { dtype: 'f32', data: Float32Array.from(list, Number) } : { dtype: 'i32', data: wholeNumbers(list, `I${size * 8}`, dataset.path) }) };
}

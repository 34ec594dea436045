/** The packages that some formats need. They are optional: each is loaded when a file needs it. */
import { crc32, storedChecksums } from './checksums.ts';
import { faults } from './faults.ts';

/** Files of a zip archive, by name. @throws E514 without fflate, E516 for a damaged archive */
export async function unzip(bytes: Uint8Array, source: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { unzipSync } = await fflate();
  const damaged = (reason: string): Error => faults.damaged(source, 'zip archive', reason);
  let files: Map<string, Uint8Array>;
  try {
    files = new Map(Object.entries(unzipSync(bytes)));
  } catch (error) {
    throw damaged((error as Error).message);
  }
  const checksums = storedChecksums(bytes);
  for (const [name, content] of files) {
    // A name in an old encoding is spelled otherwise in the directory.
    if (checksums.has(name) && checksums.get(name) !== crc32(content)) throw damaged(`the checksum of ${name} is another`);
  }
  return files;
}

/** A group of an open HDF5 file, as far as h5wasm's is used here. */
export interface LibraryGroup {
  readonly type: string;
  readonly attrs: Readonly<Record<string, { readonly value: unknown }>>;
  keys(): string[];
  get(name: string): object | null;
}

/** Numbers of an open HDF5 file. */
export interface LibraryDataset {
  readonly type: string;
  readonly path: string;
  readonly shape: number[] | null;
  readonly metadata: { readonly type: number; readonly size: number };
  readonly value: unknown;
}

/** The HDF5 library, with its file system in memory. */
export interface Hdf5Library {
  open(path: string): LibraryGroup & { close(): unknown };
  readonly module: {
    readonly FS: { writeFile(path: string, bytes: Uint8Array): void; unlink(path: string): void };
    activate_throwing_error_handler(): number;
    deactivate_throwing_error_handler(): number;
  };
}

/** The HDF5 library, ready to open files. @throws E514 without h5wasm */
export async function h5wasm(): Promise<Hdf5Library> {
  try {
    const { File, ready } = await import('h5wasm');
    return { open: (path) => new File(path, 'r'), module: await ready };
  } catch (error) {
    throw faults.library('h5wasm', 'HDF5 files (.h5, .keras)', (error as Error).message);
  }
}

// The imports stand in `try`, so that bundlers leave them out where the package is missing.
async function fflate(): Promise<{ unzipSync(bytes: Uint8Array): Record<string, Uint8Array> }> {
  try {
    return await import('fflate');
  } catch (error) {
    throw faults.library('fflate', 'zip archives (.keras, .pt)', (error as Error).message);
  }
}

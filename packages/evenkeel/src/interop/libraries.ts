/** The packages that some formats need. They are optional: each is loaded when a file needs it. */
import { faults } from './faults.ts';

/** Files of a zip archive, by name. @throws E514 without fflate, E516 for a damaged archive */
export async function unzip(bytes: Uint8Array, source: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { unzipSync } = await fflate();
  try {
    return new Map(Object.entries(unzipSync(bytes)));
  } catch (error) {
    throw faults.damaged(source, 'zip archive', (error as Error).message);
  }
}

// The import stands in `try`, so that bundlers leave it out where the package is missing.
async function fflate() {
  try {
    return await import('fflate');
  } catch (error) {
    throw faults.library('fflate', 'zip archives (.keras, .pt)', (error as Error).message);
  }
}

/** The HDF5 library, ready to open files. @throws E514 without h5wasm */
export async function h5wasm() {
  try {
    const library = await import('h5wasm');
    return { library, module: await library.ready };
  } catch (error) {
    throw faults.library('h5wasm', 'HDF5 files (.h5, .keras)', (error as Error).message);
  }
}

/** Weights out of the files of other frameworks. */
import type { Module } from '../nn/index.ts';
import { decodeSafetensors } from '../train/index.ts';
import { faults } from './faults.ts';
import { readKerasArchive, readKerasHdf5 } from './keras-file.ts';
import { loadKeras } from './keras-layers.ts';
import { unzip } from './libraries.ts';
import { loadStateDict } from './state-dict.ts';
import type { LoadOptions } from './state-dict.ts';
import { STORED_TYPES } from './stored-types.ts';
import { readTfjs } from './tfjs.ts';
import type { FetchShard } from './tfjs.ts';
import { readTorchFile } from './torch-file.ts';
import type { LoadReport } from './transfer.ts';

/** How a file of weights is read. `rename` and `channels` are for PyTorch's. */
export interface ImportOptions extends LoadOptions {
  /** Which entry of a PyTorch checkpoint is the state dict; default the whole file, or its state_dict, model_state_dict or model. */
  readonly part?: string;
  /** Gives the files of weights that a model.json names; default: read from the folder of the path. */
  readonly fetchShard?: FetchShard;
}

/**
 * Sets a model's parameters and buffers from a file of another framework, told by its first bytes: safetensors and .pt with PyTorch's
 * names; .keras, .weights.h5 and .h5 of Keras; model.json of TensorFlow.js. All of them, or none where something does not fit. Floats
 * of any width become f32, whole numbers i32 where they fit. .pt and .keras need the package fflate, .keras and .h5 h5wasm. Keras'
 * layers are paired with the model's by name if all names are paths of the model, else those of one kind in their order.
 * @param file  path (in Node) or bytes
 * @returns what had no counterpart; empty if strict
 * @throws E501 for a path that cannot be read; E511, E512, E513, E519 for what does not fit; E514 without a package; E502, E515, E516,
 * E517, E518 for a file that cannot be used; E320 before the model's sizes are known
 */
export async function importWeights(model: Module, file: string | Uint8Array, options: ImportOptions = {}): Promise<LoadReport> {
  const bytes = typeof file === 'string' ? await readPath(file) : file;
  const { strict = true, source = typeof file === 'string' ? file : 'weights' } = options;
  switch (formatOf(bytes, source)) {
    case 'safetensors': {
      const { tensors, metadata } = decodeSafetensors(bytes, source, STORED_TYPES);
      if (metadata.format === 'evenkeel') throw faults.format(source, 'weights of evenkeel itself', 'read it with loadWeights or decodeWeights');
      return loadStateDict(model, tensors, { ...options, source });
    }
    case 'hdf5': return loadKeras(model, await readKerasHdf5(bytes, source), source, strict);
    case 'json': return loadKeras(model, await readTfjs(new TextDecoder().decode(bytes), options.fetchShard ?? beside(file, source), source), source, strict);
    case 'zip': {
      const files = await unzip(bytes, source);
      if (files.has('config.json') && files.has('model.weights.h5')) return loadKeras(model, await readKerasArchive(files, source), source, strict);
      if ([...files.keys()].some((name) => name.endsWith('/data.pkl'))) return loadStateDict(model, readTorchFile(files, source, options.part), { ...options, source });
      throw faults.format(source, 'a zip archive of neither PyTorch nor Keras');
    }
  }
}

type Format = 'safetensors' | 'hdf5' | 'json' | 'zip';

/** What the first bytes say. @throws E515 for others */
function formatOf(bytes: Uint8Array, source: string): Format {
  const begins = (...first: readonly number[]): boolean => first.every((byte, i) => bytes[i] === byte);
  if (begins(0x89, 0x48, 0x44, 0x46)) return 'hdf5';
  if (begins(0x50, 0x4b, 3, 4)) return 'zip';
  // A safetensors header begins behind its length, whose upper bytes are 0.
  if (bytes[8] === 0x7b && bytes[6] === 0 && bytes[7] === 0) return 'safetensors';
  if (/^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 64)))) return 'json';
  if (begins(0x80) && bytes[1] >= 2 && bytes[1] <= 5) throw faults.format(source, 'a pickle without archive, as PyTorch wrote before 1.6', 'save it again: torch.save(torch.load(path, weights_only=True), path)');
  throw faults.format(source, `its first bytes are ${Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ') || 'none'}`);
}

/** Shards in the folder of model.json. */
function beside(file: string | Uint8Array, source: string): FetchShard {
  if (typeof file !== 'string') {
    return () => Promise.reject(faults.format(source, 'a model.json as bytes, without the files it names', 'give its path, or { fetchShard: (path) => bytes }'));
  }
  return async (path) => {
    const { dirname, join } = await import('node:path');
    return readPath(join(dirname(file), path));
  };
}

/** @throws E501 */
async function readPath(path: string): Promise<Uint8Array> {
  const { readFile } = await import('node:fs/promises');
  return new Uint8Array(await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw faults.unreadable(path, error.code ?? error.message);
  }));
}

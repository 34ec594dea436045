/** A model's parameters and buffers in a safetensors file. */
import type { Module } from '../nn/index.ts';
import type { Ref } from '../tensor/index.ts';
import { faults } from './faults.ts';
import { writeWhole } from './files.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { SavedTensor } from './safetensors.ts';

/** Parameters and buffers by path, as the bytes of a safetensors file. @throws E320 before the model's sizes are known */
export async function encodeWeights(model: Module): Promise<Uint8Array> {
  const tensors = new Map<string, SavedTensor>();
  for (const [name, ref] of refsOf(model)) tensors.set(name, { dtype: ref.dtype, shape: ref.shape, data: await ref.read() });
  return encodeSafetensors({ tensors, metadata: { format: 'evenkeel' } });
}

/**
 * Sets the model's parameters and buffers from the bytes of a safetensors file; all of them, or none where something does not fit.
 * @param source  the file's name, for error texts
 * @throws E502, E508 for a damaged file; E509, E510 for the file of another model
 */
export function decodeWeights(model: Module, bytes: Uint8Array, source = 'weights'): void {
  const refs = refsOf(model);
  const { tensors } = decodeSafetensors(bytes, source);
  const missing = [...refs.keys()].filter((name) => !tensors.has(name));
  const extra = [...tensors.keys()].filter((name) => !refs.has(name));
  if (missing.length > 0 || extra.length > 0) throw faults.names(source, missing, extra);
  for (const [name, ref] of refs) {
    const saved = tensors.get(name)!;
    if (saved.dtype !== ref.dtype || saved.shape.join() !== ref.shape.join()) throw faults.tensor(source, name, ref, saved);
  }
  for (const [name, ref] of refs) ref.write(tensors.get(name)!.data);
}

/** Writes the model's parameters and buffers; the file appears only when it is whole. @throws E507 where it cannot be written */
export async function saveWeights(model: Module, path: string): Promise<void> {
  await writeWhole(path, await encodeWeights(model));
}

/** Reads what saveWeights has written. @throws E501 for a file that cannot be read; E502, E508, E509, E510 for one that does not fit */
export async function loadWeights(model: Module, path: string): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw faults.unreadable(path, error.code ?? error.message);
  });
  decodeWeights(model, bytes, path);
}

function refsOf(model: Module): Map<string, Ref> {
  return new Map<string, Ref>([...model.namedParams(), ...model.namedBuffers()]);
}

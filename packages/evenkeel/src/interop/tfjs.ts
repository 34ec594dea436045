/** TensorFlow.js layers models: model.json, with the model's layers and a list of weights, and the weights' bytes beside it. */
import { sizeOf } from '../base/index.ts';
import type { SavedTensor } from '../train/index.ts';
import { faults } from './faults.ts';
import { configLayers } from './keras-config.ts';
import { namedLayers, parsed } from './keras-file.ts';
import type { KerasLayer } from './keras-layers.ts';
import { STORED_TYPES } from './stored-types.ts';

/** Gives the bytes of a file of weights, by its path beside model.json. */
export type FetchShard = (path: string) => Promise<Uint8Array>;

interface Quantization { readonly dtype: string; readonly scale?: number; readonly min?: number }
interface WeightEntry { readonly name: string; readonly shape: readonly number[]; readonly dtype: string; readonly quantization?: Quantization }
interface Manifest { readonly paths: readonly string[]; readonly weights: readonly WeightEntry[] }
interface ModelJson { readonly modelTopology?: { readonly model_config?: unknown }; readonly weightsManifest?: readonly Manifest[]; readonly format?: string }

const TYPES: Readonly<Record<string, string>> = { float32: 'F32', float16: 'F16', int32: 'I32', uint8: 'U8', uint16: 'U16', bool: 'BOOL' };

/** The layers of a model.json. @throws E515 for a graph model, E516 where bytes are missing */
export async function readTfjs(text: string, fetchShard: FetchShard, source: string): Promise<readonly KerasLayer[]> {
  const { modelTopology, weightsManifest, format } = parsed(text, source) as ModelJson;
  if (!Array.isArray(weightsManifest) || format === 'graph-model') throw faults.format(source, weightsManifest ? 'a graph model of TensorFlow.js' : 'JSON without a weightsManifest', 'save a layers model: model.save(...)');
  const variables: [string, SavedTensor][] = [];
  for (const { paths, weights } of checked(weightsManifest, source)) {
    const outside = paths.find((path) => /^([/\\]|[a-z]+:)|(^|[/\\])\.\.([/\\]|$)/i.test(path));
    if (outside !== undefined) throw faults.format(source, `it names weights outside of its folder: ${outside}`, 'put the weights beside model.json');
    variables.push(...split(weights, joined(await Promise.all(paths.map(fetchShard))), source));
  }
  return namedLayers(variables, configLayers(modelTopology?.model_config ?? modelTopology));
}

/** @throws E516 unless every group has paths, and weights with name, shape and dtype */
function checked(manifest: readonly unknown[], source: string): readonly Manifest[] {
  const texts = (list: unknown): boolean => Array.isArray(list) && list.every((text) => typeof text === 'string');
  const weight = ({ name, shape, dtype }: Partial<WeightEntry>): boolean => texts([name, dtype]) && Array.isArray(shape) && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
  const group = ({ paths, weights }: Partial<Manifest>): boolean => texts(paths) && Array.isArray(weights) && weights.every((entry) => weight(entry ?? {}));
  if (!manifest.every((entry) => group(entry ?? {}))) throw faults.damaged(source, 'model of TensorFlow.js', 'a group of its weightsManifest lacks paths, or a weight its name, shape or dtype');
  return manifest as readonly Manifest[];
}

function joined(shards: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(shards.reduce((n, shard) => n + shard.length, 0));
  let at = 0;
  for (const shard of shards) {
    bytes.set(shard, at);
    at += shard.length;
  }
  return bytes;
}

function split(weights: readonly WeightEntry[], bytes: Uint8Array, source: string): [string, SavedTensor][] {
  let at = 0;
  const tensors = weights.map(({ name, shape, dtype, quantization }): [string, SavedTensor] => {
    const type = quantization?.dtype ?? dtype;
    const stored = STORED_TYPES.get(TYPES[type] ?? '');
    if (!stored) throw faults.dtype(source, name, type, Object.keys(TYPES));
    const end = at + sizeOf(shape) * stored.bytes;
    const values = stored.decode(bytes.subarray(at, Math.min(end, bytes.length)), name);
    at = end;
    return [name, { shape, ...(quantization?.scale === undefined ? values : dequantized(values.data, quantization)) }];
  });
  if (at !== bytes.length) throw faults.damaged(source, 'model of TensorFlow.js', `its weights need ${at} bytes, the files beside it have ${bytes.length}`);
  return tensors;
}

function dequantized(data: SavedTensor['data'], { scale = 1, min = 0 }: Quantization): Pick<SavedTensor, 'dtype' | 'data'> {
  return { dtype: 'f32', data: Float32Array.from(data, (value) => value * scale + min) };
}

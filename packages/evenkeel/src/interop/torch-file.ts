/** The files of torch.save: a zip archive with a pickle, data.pkl, and the numbers of each storage, data/0, data/1, ... */
import { sizeOf } from '../base/index.ts';
import type { SavedTensor, StoredType } from '../train/index.ts';
import { faults } from './faults.ts';
import { gather } from './layout.ts';
import { PickleName, readPickle } from './pickle.ts';
import type { PickleValue, PickleWorld } from './pickle.ts';
import { STORED_TYPES } from './stored-types.ts';

/** PyTorch's storages and what they hold. */
const STORAGES: ReadonlyMap<string, string> = new Map(Object.entries({
  DoubleStorage: 'F64', FloatStorage: 'F32', HalfStorage: 'F16', BFloat16Storage: 'BF16', LongStorage: 'I64', IntStorage: 'I32', ShortStorage: 'I16',
  CharStorage: 'I8', ByteStorage: 'U8', BoolStorage: 'BOOL',
}).map(([name, type]) => [`torch.${name}`, type]));

/** Where checkpoints keep the state dict. */
const PARTS = ['state_dict', 'model_state_dict', 'model'];

class Storage {
  readonly values: Pick<SavedTensor, 'dtype' | 'data'>;
  constructor(values: Pick<SavedTensor, 'dtype' | 'data'>) {
    this.values = values;
  }
}

class TorchTensor {
  readonly tensor: SavedTensor;
  constructor(tensor: SavedTensor) {
    this.tensor = tensor;
  }
}

/**
 * The state dict in a file.
 * @param part which entry of a checkpoint it is; default the whole file, or its state_dict, model_state_dict or model
 * @throws E516 for a damaged file, E517 for a pickle of other things, E518 without a state dict, E513 for numbers that do not fit
 */
export function readTorchFile(files: ReadonlyMap<string, Uint8Array>, source: string, part?: string): Map<string, SavedTensor> {
  const pickle = [...files.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name))!;
  const root = pickle.slice(0, -'data.pkl'.length);
  const order = files.get(`${root}byteorder`);
  if (order && new TextDecoder().decode(order) !== 'little') throw faults.format(source, 'its numbers are big-endian', 'save it on a little-endian machine');
  const value = readPickle(files.get(pickle)!, world(files, root, source));
  if (part !== undefined) return tensorsOf(entry(value, part)) ?? refuse(source, `"${part}"`, value);
  for (const candidate of [value, ...PARTS.map((name) => entry(value, name))]) {
    const tensors = tensorsOf(candidate);
    if (tensors) return tensors;
  }
  return refuse(source, `at the top, or as ${PARTS.join(', ')}`, value);
}

function refuse(source: string, looked: string, value: PickleValue): never {
  throw faults.part(source, looked, value instanceof Map ? [...value.keys()].map(String) : []);
}

function entry(value: PickleValue, name: string): PickleValue | undefined {
  return value instanceof Map ? value.get(name) : undefined;
}

/** Tensors by name, if that is what it is. */
function tensorsOf(value: PickleValue | undefined): Map<string, SavedTensor> | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined;
  const tensors = new Map<string, SavedTensor>();
  for (const [name, held] of value as Map<PickleValue, PickleValue>) {
    if (typeof name !== 'string' || !(held instanceof TorchTensor)) return undefined;
    tensors.set(name, held.tensor);
  }
  return tensors;
}

function world(files: ReadonlyMap<string, Uint8Array>, root: string, source: string): PickleWorld {
  const storages = new Map<string, Storage>();
  const persistent = (id: PickleValue): Storage => {
    const [tag, type, key, , count] = Array.isArray(id) ? id as PickleValue[] : [];
    if (tag !== 'storage' || !(type instanceof PickleName)) throw faults.pickle(source, 'a persistent id that is no storage');
    const stored = STORED_TYPES.get(STORAGES.get(type.name) ?? '');
    if (!stored) throw faults.dtype(source, `storage ${String(key)}`, type.name, [...STORAGES.keys()]);
    const found = storages.get(String(key)) ?? new Storage(decoded(files.get(`${root}data/${String(key)}`), stored, String(key), Number(count), source));
    storages.set(String(key), found);
    return found;
  };
  return { source, persistent, call: (name, values) => called(name, values, source) };
}

function decoded(bytes: Uint8Array | undefined, stored: StoredType, key: string, count: number, source: string): Storage['values'] {
  if (bytes?.length === count * stored.bytes) return stored.decode(bytes, `storage ${key}`);
  throw faults.damaged(source, 'file of torch.save', bytes ? `storage ${key} has ${bytes.length} bytes instead of ${count * stored.bytes}` : `storage ${key} is missing`);
}

/** The few functions that a state dict needs. */
function called(name: string, values: readonly PickleValue[], source: string): PickleValue {
  switch (name) {
    case 'collections.OrderedDict': return new Map((values[0] ?? []) as [PickleValue, PickleValue][]);
    case 'torch.Size': return values[0];
    case 'torch._utils._rebuild_parameter': return values[0];
    case 'torch._utils._rebuild_tensor_v2': return rebuilt(values, source);
    default: throw faults.pickle(source, `it would call ${name}`);
  }
}

function rebuilt([storage, offset, shape, strides]: readonly PickleValue[], source: string): TorchTensor {
  const whole = (list: PickleValue): list is number[] => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!(storage instanceof Storage) || !whole([offset]) || !whole(shape) || !whole(strides) || shape.length !== strides.length) throw faults.damaged(source, 'file of torch.save', 'a tensor lacks its storage, shape or strides');
  const { dtype, data } = storage.values;
  const last = (offset as number) + shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], 0);
  const size = sizeOf(shape);
  // An expanded tensor has more elements than its storage; no state dict needs one, and a few bytes could ask for any size.
  if (size > data.length || (size > 0 && last >= data.length)) throw faults.damaged(source, 'file of torch.save', `a tensor ${JSON.stringify(shape)} reaches beyond its storage of ${data.length} values`);
  const values = { dtype, shape, data };
  return new TorchTensor({ ...values, data: gather(values, shape, strides, offset as number) });
}

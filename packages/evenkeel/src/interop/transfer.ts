/** Values into the refs of a model and out of them, by slots. */
import { allocate, sizeOf } from '../base/index.ts';
import type { DType, TypedArray } from '../base/index.ts';
import type { Ref } from '../tensor/index.ts';
import type { SavedTensor } from '../train/index.ts';
import { faults } from './faults.ts';
import { alike, zerosLike } from './part.ts';
import type { Slot, Stray } from './slots.ts';

/** What did not find its counterpart, by the names of the other framework. Empty after a strict load. */
export interface LoadReport {
  /** In the model only: these kept their values. */
  readonly missing: readonly string[];
  /** In the file only. */
  readonly unused: readonly string[];
}

/** How a load goes about what does not fit. */
export interface TransferOptions {
  /** The file's name, for error texts. */
  readonly source: string;
  /** Refuse a file that lacks tensors or has more. */
  readonly strict: boolean;
  readonly stray?: readonly Stray[];
  /** Our paths of what has no slot at all. */
  readonly lacking?: readonly string[];
}

/** Writes every slot, or nothing where something does not fit. @throws E511, E512, E513 */
export function load(slots: readonly Slot[], state: ReadonlyMap<string, SavedTensor>, { source, strict, stray = [], lacking = [] }: TransferOptions): LoadReport {
  const lacks = (slot: Slot): string[] => slot.names.filter((name) => !state.has(name));
  const missing = [...new Set([...slots.filter(({ part }) => !part.optional).flatMap(lacks), ...lacking])];
  const wanted = new Set(slots.flatMap(({ names }) => names));
  const unused = [...state.keys()].filter((name) => !wanted.has(name));
  if (strict && missing.length + unused.length > 0) {
    const explained = stray.find(({ names }) => missing.length === 0 && unused.some((name) => names.includes(name)));
    throw faults.names(source, missing, unused, explained?.hint);
  }
  const writes = slots.filter((slot) => slot.part.optional || lacks(slot).length === 0).flatMap((slot) => converted(slot, state, source));
  for (const [ref, data] of writes) ref.write(data);
  return { missing, unused };
}

/** The state of a model under the other framework's names. */
export async function save(slots: readonly Slot[]): Promise<Map<string, SavedTensor>> {
  const state = new Map<string, SavedTensor>();
  for (const { part, refs, names } of slots) {
    const own = await Promise.all(refs.map(async (ref) => ({ dtype: ref.dtype, shape: ref.shape, data: await ref.read() })));
    part.write(own).forEach((tensor, i) => {
      if (tensor) state.set(names[i], tensor);
    });
  }
  return state;
}

function converted(slot: Slot, state: ReadonlyMap<string, SavedTensor>, source: string): [Ref, TypedArray][] {
  const { part, refs, names, paths } = slot;
  // What the model would write says what it can read.
  const blank = refs.map(({ dtype, shape }): SavedTensor => ({ dtype, shape, data: allocate(dtype, sizeOf(shape)) }));
  const expected = part.write(blank);
  const theirs = names.map((name, i) => state.get(name) ?? zerosLike(expected[i] ?? blank[0] ?? { dtype: 'f32', shape: [], data: new Float32Array(1) }));
  theirs.forEach((got, i) => {
    const shape = expected[i];
    if (shape && !alike(shape, got)) throw faults.shape(source, paths[Math.min(i, paths.length - 1)], refs[Math.min(i, refs.length - 1)], names[i], shape, got);
  });
  return part.read(theirs).map((tensor, i) => [refs[i], cast(tensor, refs[i].dtype, names[Math.min(i, names.length - 1)], source)]);
}

/** The same values in another type. @throws E513 where one of them would change */
function cast({ dtype, data }: SavedTensor, to: DType, name: string, source: string): TypedArray {
  if (dtype === to) return data;
  const result = allocate(to, data.length);
  result.set(data);
  const at = data.findIndex((value, i) => value !== result[i] && !Number.isNaN(value));
  if (at >= 0) throw faults.inexact(source, name, data[at], dtype, to);
  return result;
}

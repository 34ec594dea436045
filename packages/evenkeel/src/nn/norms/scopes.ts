/** What holds for all normalization layers called inside a function. */
import { currentTrace } from '../../runtime/index.ts';
import type { Statistics } from '../../tensor/index.ts';

const KEY = Symbol('key of running statistics');
const UPDATES = Symbol('running statistics move');
const OBSERVED = Symbol('observed statistics');

/** Layers that were made with `keys` use the running statistics of this one inside `fn`; others do not notice. */
export function withStatisticsKey<T>(key: string, fn: () => T): T {
  return scoped(KEY, key, fn);
}

/** No running statistics move inside `fn`: for recomputations, and for passes through a model that is not being trained. */
export function withoutUpdates<T>(fn: () => T): T {
  return scoped(UPDATES, false, fn);
}

/**
 * The statistics of what each layer is given inside `fn`, in the shape [channels], merged where a layer is called more than once.
 * Nothing moves; in which mode the layers compute is up to the trace. For recalibration and diagnosis.
 */
export function observeStatistics(fn: () => unknown): Map<object, Statistics> {
  const found = new Map<object, Statistics>();
  withoutUpdates(() => scoped(OBSERVED, found, fn));
  return found;
}

/** The key of the innermost withStatisticsKey. */
export function scopedKey(): string | undefined {
  return currentTrace().notes.get(KEY) as string | undefined;
}

/** False inside withoutUpdates. */
export function updatesWanted(): boolean {
  return currentTrace().notes.get(UPDATES) !== false;
}

/** Where observed statistics go, inside observeStatistics. */
export function observer(): Map<object, Statistics> | undefined {
  return currentTrace().notes.get(OBSERVED) as Map<object, Statistics> | undefined;
}

function scoped<T>(note: symbol, value: unknown, fn: () => T): T {
  const { notes } = currentTrace();
  const outer = notes.get(note);
  notes.set(note, value);
  try {
    return fn();
  } finally {
    if (outer === undefined) notes.delete(note);
    else notes.set(note, outer);
  }
}

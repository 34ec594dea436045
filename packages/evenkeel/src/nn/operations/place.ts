/** Where layers are held, and how another one gets there. */
import { bumpStructure } from '../../runtime/index.ts';
import type { Module } from '../module.ts';
import { operationFaults } from './faults.ts';

/** A layer in the place that a path names. */
export interface Place {
  readonly layer: Module;
  /** Absent for the model itself. */
  readonly parent?: Module;
  /** Among the parent's children. */
  readonly position: number;
}

/** What a path leads to; '' is the model. @throws E360 naming the paths there are */
export function placeOf(op: string, model: Module, path: string): Place {
  const found = path === '' ? { layer: model, position: 0 } : search(model, path);
  if (!found) throw operationFaults.path(op, path, model.modules().map(([known]) => known).filter((known) => known !== ''));
  return found;
}

function search(parent: Module, path: string): Place | undefined {
  for (const [position, [name, layer]] of parent.children().entries()) {
    if (path === name) return { layer, parent, position };
    const inside = path.startsWith(`${name}.`) ? search(layer, path.slice(name.length + 1)) : undefined;
    if (inside) return inside;
  }
  return undefined;
}

/**
 * Puts a layer everywhere in the model where another one is.
 * @returns undoes it
 * @throws E361 if some parent holds it in another way than by a property or an array in one
 */
export function substitute(op: string, model: Module, old: Module, layer: Module): () => void {
  const undo: (() => void)[] = [];
  const undoAll = (): void => {
    for (const step of undo) step();
    bumpStructure();
  };
  for (const [path, parent] of model.modules()) {
    const names = parent.children().filter(([, child]) => child === old).map(([name]) => name);
    if (names.length === 0) continue;
    undo.push(...substituteIn(parent, old, layer));
    if (!parent.children().some(([, child]) => child === old)) continue;
    undoAll();
    throw operationFaults.unreachable(op, path === '' ? names[0] : `${path}.${names[0]}`, old.describe());
  }
  bumpStructure();
  return undoAll;
}

function substituteIn(parent: Module, old: Module, layer: Module): (() => void)[] {
  return Object.entries(parent).flatMap(([key, value]: [string, unknown]) => {
    const next = exchanged(value, old, layer);
    if (next === value) return [];
    Reflect.set(parent, key, next);
    return [() => void Reflect.set(parent, key, value)];
  });
}

/** The same value if the layer is not in it. */
function exchanged(value: unknown, old: Module, layer: Module): unknown {
  if (value === old) return layer;
  if (!Array.isArray(value)) return value;
  const parts: unknown[] = value.map((part: unknown) => exchanged(part, old, layer));
  return parts.some((part, i) => part !== value[i]) ? parts : value;
}

/** Every ref of a model with PyTorch's names for it. */
import { sameShape } from '../base/index.ts';
import type { Shape } from '../base/index.ts';
import { Linear, Sequential } from '../nn/index.ts';
import type { Module } from '../nn/index.ts';
import { Ref } from '../tensor/index.ts';
import { entryOf } from './layer-table.ts';
import type { Entry, Place } from './layer-table.ts';
import { one } from './part.ts';
import type { Part } from './part.ts';

/** A part of some layer's state: where it is here, and what it is called there. */
export interface Slot {
  readonly part: Part;
  readonly refs: readonly Ref[];
  /** Our paths of the refs. */
  readonly paths: readonly string[];
  readonly names: readonly string[];
}

/** Names that mean nothing to a layer, with what to do. */
export interface Stray { readonly names: readonly string[]; readonly hint: string }

/** A model's state as PyTorch sees it. */
export interface TorchView { readonly slots: readonly Slot[]; readonly stray: readonly Stray[] }

/** What the names of a state dict depend on. */
export interface TorchNaming {
  /** PyTorch's path of a module of ours; default the same. For example `(path) => 'backbone.' + path`. */
  readonly rename?: (path: string) => string;
  /**
   * Whether PyTorch's maps had their channels first (default) or last, where that shows in the order of values: a linear layer or
   * norm behind `flatten` in a sequential, and a layer norm over whole maps.
   */
  readonly channels?: 'first' | 'last';
}

type Scope = (name: string) => string;

/** Refs directly in a module, by property. */
export function refsOf(module: Module): Map<string, Ref> {
  const entries = Object.entries(module).flatMap(([key, value]): [string, unknown][] => (
    Array.isArray(value) ? value.map((element: unknown, i): [string, unknown] => [`${key}.${i}`, element]) : [[key, value]]));
  return new Map(entries.filter((entry): entry is [string, Ref] => entry[1] instanceof Ref));
}

/** The parts whose properties a module has, with the refs. */
export function present(parts: readonly Part[], refs: ReadonlyMap<string, Ref>, path: string, scope: Scope): Slot[] {
  return parts.filter(({ own }) => own.every((name) => refs.has(name))).map((part) => ({
    part, refs: part.own.map((name) => refs.get(name)!), paths: part.own.map((name) => join(path, name)), names: part.theirs.map(scope),
  }));
}

/** `path.name`, or the name alone at the top. */
export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** @throws E320 before the model's sizes are known */
export function torchView(model: Module, { rename = (path) => path, channels = 'first' }: TorchNaming): TorchView {
  model.params();
  const slots: Slot[] = [], stray: Stray[] = [];
  const seen = new Set<Module>();
  let flattened: Shape | undefined;
  const visit = (module: Module, path: string, scope: Scope, parent?: Module): void => {
    if (seen.has(module)) return;
    seen.add(module);
    const place: Place = { channels, flattened, parent };
    const entry = entryOf(module, place);
    const ordered = module instanceof Sequential;
    // What a module of the user's own does between its children is unknown.
    const opaque = !ordered && !entry && module.children().length > 0;
    slots.push(...slotsOf(module, path, scope, entry));
    if (entry?.stray) stray.push({ names: entry.stray.names.map(scope), hint: entry.stray.hint });
    for (const [name, child] of module.children()) {
      if (opaque) flattened = undefined;
      const childPath = join(path, name);
      visit(child, childPath, scopeOf(entry, entryOf(child, { ...place, parent: module }), scope, rename(childPath)), module);
    }
    if (opaque || channels === 'last') flattened = undefined;
    else if (!ordered && !entry?.within) flattened = flattenedBy(module, flattened);
  };
  visit(model, '', (name) => join(rename('').replace(/\.$/, ''), name));
  return { slots, stray };
}

function scopeOf(parent: Entry | undefined, child: Entry | undefined, scope: Scope, path: string): Scope {
  const { inside } = parent ?? {}, { within } = child ?? {};
  if (within) return (name) => scope(within(name));
  if (inside) return (name) => scope(inside(name));
  return (name) => join(path, name);
}

function slotsOf(module: Module, path: string, scope: Scope, entry: Entry | undefined): Slot[] {
  const refs = refsOf(module);
  const owners = module.children().map(([, child]) => entryOf(child, { channels: 'first', flattened: undefined, parent: module })?.owner);
  const renames: Readonly<Record<string, string>> = Object.assign({}, ...owners.filter((owner) => owner !== undefined));
  const parts = entry?.torch ?? [];
  const known = new Set(parts.flatMap(({ own }) => own));
  const others = [...refs.keys()].filter((name) => !known.has(name)).map((name) => one(name, name));
  return present([...parts, ...others], refs, path, (name) => scope(renames[name] ?? name));
}

/** The map whose values stand flattened behind a layer that is no container. */
function flattenedBy(module: Module, before: Shape | undefined): Shape | undefined {
  const input = module.inputs?.[0].shape, output = module.outputShape;
  if (!input || !output || module instanceof Linear) return undefined;
  if (module.describe() === 'flatten' && input.length > 2) return input.slice(1);
  return sameShape(input, output) ? before : undefined;
}

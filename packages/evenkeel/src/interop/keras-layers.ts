/** Keras' layers and ours in pairs. */
import type { Module } from '../nn/index.ts';
import type { SavedTensor } from '../train/index.ts';
import { faults } from './faults.ts';
import { entryOf } from './layer-table.ts';
import type { KerasEntry } from './layer-table.ts';
import { join, present, refsOf } from './slots.ts';
import type { Slot } from './slots.ts';
import { load } from './transfer.ts';
import type { LoadReport } from './transfer.ts';

/** A layer as a file of Keras has it. */
export interface KerasLayer {
  readonly name: string;
  /** Class in snake case; of a layer without a configuration, what its name says. */
  readonly kind: string;
  /** By name (gamma, moving_mean, kernel), or in Keras' order where a file has no names. */
  readonly variables: ReadonlyMap<string, SavedTensor> | readonly SavedTensor[];
  /** Its configuration, if the file has one. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The list of layers in which its place is known, where the file does not tell the order of the whole model. */
  readonly list?: string;
}

interface OwnLayer { readonly path: string; readonly module: Module; readonly keras: KerasEntry | undefined }
interface Pair { readonly own: OwnLayer; readonly layer: KerasLayer }

/**
 * Sets a model from layers of Keras. Layers are paired by name if all names are paths of the model, else those of one kind in their
 * order. All or nothing.
 * @throws E511, E512, E513 for what does not fit; E519 for other numbers of layers or variables, or other options
 */
export function loadKeras(model: Module, file: readonly KerasLayer[], source: string, strict: boolean): LoadReport {
  model.params();
  const layers = distinct(file.filter(({ variables }) => [...variables].length > 0));
  const own = ownLayers(model);
  const pairs = layers.every(({ name }) => own.some(({ path }) => path === name)) ? byName(own, layers) : byOrder(own, layers, source, strict);
  const state = new Map<string, SavedTensor>();
  for (const layer of layers) {
    const pair = pairs.find((other) => other.layer === layer);
    for (const [role, tensor] of pair ? named(pair, source) : unnamed(layer)) state.set(`${layer.name}/${role}`, tensor);
  }
  const slots = pairs.flatMap(slotsOf);
  const lonely = own.filter((layer) => !pairs.some((pair) => pair.own === layer));
  const lacking = lonely.flatMap(({ path, module }) => [...refsOf(module).keys()].map((name) => join(path, name)));
  return load(slots, state, { source, strict, lacking });
}

/** A layer of a model inside the model may have the name of one outside. */
function distinct(layers: readonly KerasLayer[]): readonly KerasLayer[] {
  return layers.map((layer, i) => (layers.findIndex(({ name }) => name === layer.name) === i ? layer : { ...layer, name: `${layer.name}#${i}` }));
}

/** Layers that hold something, in the model's order. */
function ownLayers(model: Module): OwnLayer[] {
  return model.modules().filter(([, module]) => refsOf(module).size > 0).map(([path, module]) => ({
    path, module, keras: entryOf(module, { channels: 'last', flattened: undefined, parent: undefined })?.keras,
  }));
}

function byName(own: readonly OwnLayer[], layers: readonly KerasLayer[]): Pair[] {
  return layers.map((layer) => ({ layer, own: own.find(({ path }) => path === layer.name)! }));
}

function byOrder(own: readonly OwnLayer[], layers: readonly KerasLayer[], source: string, strict: boolean): Pair[] {
  const kinds = new Set(own.flatMap(({ keras }) => keras?.kind ?? []));
  return [...kinds].flatMap((kind) => {
    const [ours, theirs] = [own.filter(({ keras }) => keras?.kind === kind), layers.filter((layer) => layer.kind === kind)];
    if (strict && ours.length !== theirs.length) {
      throw faults.layers(source, `${kind}: the file has ${theirs.length}${names(theirs.map(({ name }) => name))}, the model ${ours.length}${names(ours.map(({ path }) => path))}`,
        'build the same layers; scale: false and center: false where Keras has them');
    }
    if (new Set(theirs.map(({ list }) => list)).size > 1) {
      throw faults.layers(source, `${kind}: the file has ${theirs.length}${names(theirs.map(({ name }) => name))} in several places, and without a configuration no order`,
        "save the whole model, model.save('model.keras'), or give the model's modules the names of the file's layers");
    }
    return ours.slice(0, theirs.length).map((layer, i) => ({ own: layer, layer: theirs[i] }));
  });
}

function names(list: readonly string[]): string {
  return list.length > 0 ? ` (${list.slice(0, 8).join(', ')})` : '';
}

function slotsOf({ own: { path, module, keras }, layer }: Pair): Slot[] {
  return present(keras?.parts ?? [], refsOf(module), path, (role) => `${layer.name}/${role}`);
}

/** The variables by name: their own, or by position what the configuration, else our layer, has. */
function named({ own: { path, module, keras }, layer }: Pair, source: string): Iterable<readonly [string, SavedTensor]> {
  const { name, variables, options } = layer;
  for (const [option, value] of Object.entries(keras?.requires ?? {})) {
    if (options && option in options && options[option] !== value) throw faults.layers(source, `${name} has ${option}: ${String(options[option])}, ${path} computes what Keras does with ${String(value)}`, 'train the layer with that option');
  }
  if (!Array.isArray(variables)) return variables as ReadonlyMap<string, SavedTensor>;
  const refs = refsOf(module);
  const wanted = (keras?.parts ?? []).filter(({ own, option }) => (options && option ? (options[option.name] ?? option.otherwise) !== false : own.every((property) => refs.has(property))));
  const roles = wanted.flatMap(({ theirs }) => theirs);
  if (roles.length !== variables.length) {
    throw faults.layers(source, `${name} has ${variables.length} variables, ${path} needs ${roles.length} (${roles.join(', ')})`, 'build the layer with the same options: bias, scale, center');
  }
  return roles.map((role, i) => [role, variables[i] as SavedTensor] as const);
}

function unnamed({ variables }: KerasLayer): Iterable<readonly [string, SavedTensor]> {
  return Array.isArray(variables) ? variables.map((tensor: SavedTensor, i) => [`${i}`, tensor] as const) : variables as ReadonlyMap<string, SavedTensor>;
}

/** Layers out of the files that Keras writes: .keras, .weights.h5 and the legacy .h5. */
import type { SavedTensor } from '../train/index.ts';
import { faults } from './faults.ts';
import { readHdf5 } from './hdf5.ts';
import type { Hdf5Group } from './hdf5.ts';
import { configLayers } from './keras-config.ts';
import type { ConfigLayer } from './keras-config.ts';
import type { KerasLayer } from './keras-layers.ts';

/** The layers of a .keras archive. @throws E514, E516 */
export function readKerasArchive(files: ReadonlyMap<string, Uint8Array>, source: string): Promise<readonly KerasLayer[]> {
  const config = configLayers(parsed(new TextDecoder().decode(files.get('config.json')), source));
  return readHdf5(files.get('model.weights.h5')!, source, (root) => groupLayers(root, config));
}

/** The layers of an HDF5 file, legacy or of Keras 3. @throws E514, E516; E515 if it is not Keras' */
export function readKerasHdf5(bytes: Uint8Array, source: string): Promise<readonly KerasLayer[]> {
  return readHdf5(bytes, source, (root) => {
    const weights = root.groups.get('model_weights') ?? root;
    const names = weights.texts('layer_names');
    const text = root.texts('model_config')?.[0];
    const layers = names ? legacyLayers(weights, names, text === undefined ? undefined : configLayers(parsed(text, source)), source) : groupLayers(root, undefined);
    if (layers.length === 0) throw faults.format(source, 'an HDF5 file without layers of Keras');
    return layers;
  });
}

/** JSON of a file. @throws E516 */
export function parsed(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw faults.damaged(source, 'file of Keras', `its configuration is not JSON: ${(error as Error).message}`);
  }
}

/** Variables with names, in the layers that a configuration or the names themselves tell. */
export function namedLayers(variables: Iterable<readonly [path: string, SavedTensor]>, config: readonly ConfigLayer[] | undefined): readonly KerasLayer[] {
  const layers = new Map<string, { readonly kind: string; readonly options?: ConfigLayer['options']; readonly variables: Map<string, SavedTensor> }>();
  const known = new Map((config ?? []).map((layer) => [layer.name, layer]));
  for (const [path, tensor] of variables) {
    const segments = path.replace(/:\d+$/, '').split('/');
    const role = segments.pop()!;
    if (role.startsWith('seed_generator_state')) continue;
    // A cell stands below its layer, a layer below the models around it.
    const name = segments.findLast((segment) => known.has(segment)) ?? segments.findLast((segment) => !/_cell(_\d+)?$/.test(segment)) ?? role;
    const entry = layers.get(name) ?? { kind: known.get(name)?.kind ?? stem(name), options: known.get(name)?.options, variables: new Map() };
    entry.variables.set(ROLES[role] ?? role, tensor);
    layers.set(name, entry);
  }
  const all = [...layers].map(([name, layer]) => ({ name, ...layer }));
  const order = [...known.keys()];
  return config ? all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)) : all;
}

/** Names of Keras 2 for what Keras 3 calls otherwise. */
const ROLES: Readonly<Record<string, string>> = { depthwise_kernel: 'kernel' };

function legacyLayers(weights: Hdf5Group, names: readonly string[], config: readonly ConfigLayer[] | undefined, source: string): readonly KerasLayer[] {
  const variables = names.flatMap((layer) => {
    const group = weights.groups.get(layer);
    return (group?.texts('weight_names') ?? []).map((path): [string, SavedTensor] => {
      const found = tensorAt(group!, path.split('/'));
      if (!found) throw faults.damaged(source, 'file of Keras', `"${path}" of layer "${layer}" is missing`);
      return [path, found()];
    });
  });
  return namedLayers(variables, config);
}

function tensorAt(group: Hdf5Group, [first, ...rest]: readonly string[]): (() => SavedTensor) | undefined {
  if (rest.length === 0) return group.tensors.get(first);
  const inner = group.groups.get(first);
  return inner && tensorAt(inner, rest);
}

interface Found { readonly path: string; readonly name: string; readonly variables: readonly SavedTensor[] }

/** Keras 3: each layer is a group with its variables by number in `vars`, whose attribute has the layer's name. */
function groupLayers(root: Hdf5Group, config: readonly ConfigLayer[] | undefined): readonly KerasLayer[] {
  const found = foundIn(root, '').sort((a, b) => compare(a.path, b.path));
  const layers = found.map(({ path, name, variables }): KerasLayer & { readonly at: number } => {
    const known = config?.find((layer) => layer.path === path) ?? config?.find((layer) => layer.name === name);
    if (known) return { at: config!.indexOf(known), name: known.name, kind: known.kind, options: known.options, variables };
    const [, list, last] = /^((?:.*\/)?layers)\/([^/]+)$/.exec(path) ?? [];
    // What is in no list is a property of a class of its own, where names are known and order is not.
    return { at: Infinity, variables, ...(list === undefined ? { name: path.replaceAll('/', '.'), kind: stem(name), list: path } : { name, kind: stem(last), list }) };
  });
  return layers.sort((a, b) => (a.at === b.at ? 0 : a.at - b.at));
}

/** What a model keeps beside its layers. */
const NO_LAYERS = /^(optimizer|.*metrics?|.*loss.*|.*seed_generator.*)$/;

function foundIn(group: Hdf5Group, path: string): Found[] {
  const own = layerAt(group, path);
  const inner = [...group.groups].filter(([name]) => name !== 'vars' && !(own && name === 'cell') && !NO_LAYERS.test(name));
  return [...(own ? [own] : []), ...inner.flatMap(([name, child]) => foundIn(child, path === '' ? name : `${path}/${name}`))];
}

/** A group with variables; those of a recurrent layer are in its cell. */
function layerAt(group: Hdf5Group, path: string): Found | undefined {
  const own = group.groups.get('vars');
  const holders = [own, group.groups.get('cell')?.groups.get('vars')];
  const variables = holders.flatMap((vars) => [...vars?.tensors ?? []].sort(([a], [b]) => Number(a) - Number(b)).map(([, read]) => read()));
  if (variables.length === 0) return undefined;
  return { path, name: own?.texts('name')?.[0] ?? path.slice(path.lastIndexOf('/') + 1), variables };
}

/** dense, dense_1, ..., dense_10 in this order. */
function compare(a: string, b: string): number {
  const parts = (path: string): [string, number][] => path.split('/').map((segment) => [stem(segment), Number(/_(\d+)$/.exec(segment)?.[1] ?? 0)]);
  const [one, two] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(one.length, two.length); i++) {
    if (one[i][0] !== two[i][0]) return one[i][0] < two[i][0] ? -1 : 1;
    if (one[i][1] !== two[i][1]) return one[i][1] - two[i][1];
  }
  return one.length - two.length;
}

/** A name without the number that Keras adds. */
function stem(name: string): string {
  return name.replace(/_\d+$/, '');
}

/** Layers put into models that exist. */
import { bumpStructure } from '../../runtime/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { Model, Module } from '../module.ts';
import { Sequential } from '../sequential.ts';
import { operationFaults } from './faults.ts';
import { placeOf } from './place.ts';
import { retrace } from './trace-calls.ts';

interface Inserted { readonly path: string; readonly undo: () => void }

/**
 * Puts a layer behind another one: `insertAfter(model, 'features.0', nn.batchNorm())`. Behind a part of a sequence it becomes the next
 * part (the paths of later ones move up by one), behind a sequence its last. Behind any other layer it becomes the layer's part
 * `after`, and everything that calls the layer gets the inserted one's output. All shapes are inferred again, if the model was built
 * or run; layers that have parameters keep them, so what they are given must still fit.
 * @param path  of a layer in the model, as namedParams and summary show it; '' for the model itself
 * @returns the path of the inserted layer
 * @throws E360 for a path that leads nowhere; E321 for what is no layer; E2xx and E3xx where shapes do not fit. The model is then as before
 */
export function insertAfter(model: Module, path: string, layer: Model): string {
  const { parent, layer: target, position } = placeOf('insertAfter', model, path);
  const above = path.slice(0, path.lastIndexOf('.') + 1);
  const inserted = target instanceof Sequential ? into(target, path === '' ? '' : `${path}.`, target.children().length, layer)
    : parent instanceof Sequential ? into(parent, above, position + 1, layer) : behind(target, path, layer);
  try {
    retrace(model);
  } catch (error) {
    inserted.undo();
    retrace(model);
    throw error;
  }
  return inserted.path;
}

function into(sequence: Sequential, above: string, position: number, layer: Model): Inserted {
  return { undo: sequence.insert(position, layer), path: `${above}${position}` };
}

function behind(target: Module, path: string, layer: Model): Inserted {
  const taken = Object.keys(target).filter((key) => /^after\d*$/.test(key)).length;
  const key = taken === 0 ? 'after' : `after${taken + 1}`;
  Object.defineProperty(target, key, { value: layer, enumerable: true, configurable: true, writable: true });
  // Read at every call, so that replaceNorms finds and replaces it like any other layer.
  const remove = target.surround(<T>(call: () => T): T => (Reflect.get(target, key) as Model).forward(call() as Tensor) as T);
  const undo = (): void => {
    remove();
    Reflect.deleteProperty(target, key);
    bumpStructure();
  };
  if (target.children().some(([, child]) => child === layer)) return { undo, path: path === '' ? key : `${path}.${key}` };
  undo();
  throw operationFaults.unreachable('insertAfter', path, target.describe());
}

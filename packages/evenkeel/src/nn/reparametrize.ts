/**
 * Weights that are computed from other parameters at every call (reparametrization). The rule is a module from a weight to a
 * weight; it stands between the layer's stored parameter and what the layer's `forward` reads, so it works on any layer with a
 * parameter in a property, and optimizers, checkpoints and freezing see the stored one.
 */
import { bumpStructure } from '../runtime/index.ts';
import { sameShape } from '../base/index.ts';
import { Param } from '../tensor/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Model, Module } from './module.ts';
import { weightFaults } from './weight-faults.ts';

/** Where a rule is put. */
export interface ReparametrizeOptions {
  /** Property of the layer that holds the parameter; default 'weight'. */
  readonly param?: string;
  /** Property of the layer that gets the rule, with its own parameters and buffers below; default the parameter's name and 'Rule'. */
  readonly key?: string;
}

interface Reparametrization {
  readonly param: string;
  readonly key: string;
  readonly rule: Model;
  readonly undo: () => void;
}

const REPARAMETRIZATIONS = Symbol('reparametrizations');

/**
 * Makes a layer read `rule.forward(parameter)` where it would read the parameter. Several rules apply in the order of the calls.
 * @returns the same layer
 * @throws E350 at the first call if there is no such parameter; E351 if the key is taken; E352 if the rule changes the shape
 */
export function reparametrize<L extends Module>(layer: L, rule: Model, options: ReparametrizeOptions = {}): L {
  const { param = 'weight', key = `${param}Rule` } = options;
  if (Reflect.has(layer, key)) throw weightFaults.twice('reparametrize', layer, key);
  Object.defineProperty(layer, key, { value: rule, enumerable: true, configurable: true, writable: true });
  if (layer.frozen) rule.freeze();
  const undo = layer.surround((call) => {
    const stored = paramOf(layer, param);
    return stored.as(applied(rule, stored.value), call);
  });
  Reflect.set(layer, REPARAMETRIZATIONS, [...reparametrizations(layer), { param, key, rule, undo }]);
  return layer;
}

/** True if some parameter of the layer itself is read through a rule. */
export function isReparametrized(layer: Module): boolean {
  return reparametrizations(layer).length > 0;
}

/**
 * Stores in every reparametrized layer the weights it computes with in evaluation, and takes the rules away: the same outputs
 * from a plain model, for export, folding and speed. Compiled steps trace anew.
 * @returns number of weights that were stored
 * @throws E320 before the sizes are known
 */
export async function bakeWeights(model: Module): Promise<number> {
  model.params();
  const baked = new Map<Param, Tensor>();
  const undone: (() => void)[] = [];
  for (const [, layer] of model.modules()) {
    const list = reparametrizations(layer);
    for (const { param, key, rule, undo } of list) {
      const stored = paramOf(layer, param);
      baked.set(stored, applied(rule, baked.get(stored) ?? stored.value));
      undone.push(undo, () => Reflect.deleteProperty(layer, key));
    }
    if (list.length > 0) undone.push(() => Reflect.deleteProperty(layer, REPARAMETRIZATIONS));
  }
  const values = await Promise.all([...baked.values()].map((weight) => weight.data()));
  for (const undo of undone) undo();
  [...baked.keys()].forEach((param, i) => param.write(values[i]));
  bumpStructure();
  return baked.size;
}

function reparametrizations(layer: Module): readonly Reparametrization[] {
  return (Reflect.get(layer, REPARAMETRIZATIONS) as readonly Reparametrization[] | undefined) ?? [];
}

function applied(rule: Model, weight: Tensor): Tensor {
  const result = rule.forward(weight);
  if (!sameShape(result.shape, weight.shape)) throw weightFaults.shape(rule.describe(), weight.shape, result.shape);
  return result;
}

function paramOf(layer: Module, name: string): Param {
  const found: unknown = Reflect.get(layer, name);
  if (found instanceof Param) return found;
  const known = Object.entries(layer).filter(([, value]) => value instanceof Param).map(([key]) => key);
  throw weightFaults.noParam('reparametrize', layer, name, known);
}

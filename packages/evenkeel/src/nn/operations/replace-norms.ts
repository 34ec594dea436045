/** One normalization in place of another. */
import { flushEager, Trace, tracing } from '../../runtime/index.ts';
import { Param, Ref, zeros } from '../../tensor/index.ts';
import { Module } from '../module.ts';
import type { Model } from '../module.ts';
import { GlobalResponseNorm } from '../norms/index.ts';
import { operationFaults } from './faults.ts';
import { normsOf } from './norms-of.ts';
import { substitute } from './place.ts';
import { retrace } from './trace-calls.ts';

/** What stands in a normalization layer's place; undefined leaves it. */
export type NormRule = (norm: Module, path: string) => Model | undefined;

/**
 * Replaces normalization layers by others: `replaceNorms(model, (norm) => norm instanceof nn.BatchNorm ? nn.groupNorm({ groups: 8 }) : undefined)`.
 * The new layer takes over factors, offsets and running statistics that it has too, in the same shape (factors of each channel also
 * for each element), except to and from globalResponseNorm, whose factor means something else; and it is frozen if the old one was.
 * What the model computes changes: train it on, or recalibrate.
 * @returns the new layers by path
 * @throws E361 for a layer held neither in a property nor in an array; E364 for a rule that gives no layer; what the new layers throw
 * at shapes that do not fit. The model is then as before
 */
export async function replaceNorms(model: Module, rule: NormRule): Promise<Map<string, Model>> {
  const replaced = new Map<string, { readonly old: Module; readonly layer: Model }>();
  const undo: (() => void)[] = [];
  try {
    for (const [path, old] of normsOf(model)) {
      if ([...replaced.keys()].some((above) => path.startsWith(`${above}.`))) continue;
      const layer = rule(old, path);
      if (layer === undefined || layer === old) continue;
      if (!((layer as unknown) instanceof Module)) throw operationFaults.notModule(path, layer);
      if (old.frozen) layer.freeze();
      undo.push(substitute('replaceNorms', model, old, layer));
      replaced.set(path, { old, layer });
    }
    if (!retrace(model)) for (const { old, layer } of replaced.values()) buildAs(old, layer);
  } catch (error) {
    for (const step of undo.reverse()) step();
    retrace(model);
    throw error;
  }
  await flushEager();
  await Promise.all([...replaced.values()].map(({ old, layer }) => carry(old, layer)));
  return new Map([...replaced].map(([path, { layer }]) => [path, layer]));
}

/** For a model that only ever saw more than tensors: each layer by itself. */
function buildAs(old: Module, layer: Model): void {
  const { inputs } = old;
  if (inputs) tracing(new Trace('eval'), () => layer.forward(zeros(inputs[0].shape, inputs[0].dtype)));
}

async function carry(old: Module, layer: Module): Promise<void> {
  const strange = [old, layer].some((norm) => norm instanceof GlobalResponseNorm) && old.constructor !== layer.constructor;
  for (const [name, from] of Object.entries(old)) {
    const to: unknown = Reflect.get(layer, name);
    if (!(from instanceof Ref && to instanceof Ref) || (strange && from instanceof Param)) continue;
    const fits = `${from.shape}` === `${to.shape}` || (from instanceof Param && from.shape.length === 1 && to.shape.at(-1) === from.shape[0]);
    if (!fits) continue;
    const values = await from.read();
    to.write(Float32Array.from({ length: to.size }, (_, i) => values[i % values.length]));
  }
}

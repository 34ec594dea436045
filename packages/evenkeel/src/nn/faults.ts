/** What layers refuse, in words: one function per code. */
import { Fault, formatShape, showValue } from '../base/index.ts';
import type { Shape } from '../base/index.ts';
import { currentTrace } from '../runtime/index.ts';

function fault(code: string, op: string, rule: string, detail: readonly string[], hint: string): Fault {
  return new Fault({ code, op, rule, detail, hint, where: currentTrace().where() });
}

export const faults = {
  /** E101: an option out of range. */
  option(op: string, name: string, rule: string, got: unknown, hint: string): Fault {
    return fault('E101', op, `${name} ${rule}`, [`got ${showValue(got)}`], hint);
  },
  /** E300: an input with the wrong number of axes. */
  rank(op: string, x: Shape, layout: string, hint: string): Fault {
    return fault('E300', op, `the input must be ${layout}`, [`got ${formatShape(x)}, ${x.length} axes`], hint);
  },
  /** E301: the input's features are not those of the weight. */
  features(x: Shape, features: number, outputs: number): Fault {
    const got = x.at(-1)!;
    return fault('E301', 'linear', 'the last axis of the input must have as many features as the layer', [
      `input ${formatShape(x)}   weight [${features}, ${outputs}]`, `${got} (input, axis ${x.length - 1}) != ${features} (weight, axis 0)`],
      `leave "in" out and the size is inferred, or write linear(${outputs}, { in: ${got} })`);
  },
  /** E302: the input's channels are not those of the kernel. */
  channels(op: string, x: Shape, channels: number): Fault {
    const got = x.at(-1)!;
    return fault('E302', op, 'the last axis of the input must have as many channels as the layer was built for', [
      `input ${formatShape(x)}`, `${got} (input, axis ${x.length - 1}) != ${channels} (layer)`],
      `give it ${channels} channels, channels last, or build a layer for ${got}`);
  },
  /** E303: groups that do not divide the channels. */
  groups(op: string, channels: number, filters: number, groups: number): Fault {
    return fault('E303', op, 'groups must divide both input channels and filters', [`${channels} channels   ${filters} filters   ${groups} groups`],
      `choose a divisor of ${channels} and ${filters}`);
  },
  /** E304: a mask that does not lie over the steps. */
  mask(op: string, x: Shape, mask: Shape): Fault {
    return fault('E304', op, 'the mask must tell for each step of each sequence whether it counts', [`input ${formatShape(x)}   mask ${formatShape(mask)}`],
      `give it the shape ${formatShape(x.slice(0, 2))}`);
  },
  /** E305: something else than a tensor. */
  tensor(op: string, name: string, got: unknown): Fault {
    return fault('E305', op, `the ${name} must be a tensor`, [`got ${showValue(got)}`], got === undefined
      ? 'call the step with every input that it uses, by the name it uses' : `wrap it: tensor(values, shape), or pass it to the step as an input`);
  },
  /** E320: parameters asked for before the sizes are known. */
  notBuilt(op: string, path: string): Fault {
    return fault('E320', op, 'the layer has no parameters yet: its sizes come from its first input', path ? [`layer ${path}`] : [],
      'call model.build([28, 28, 1]) with the shape of one sample, or run the model once');
  },
  /** E321: layers that are none. */
  notLayer(position: number, got: unknown): Fault {
    return fault('E321', 'sequential', 'every part must be a layer', [`part ${position} is ${got === null ? 'null' : typeof got}`],
      'pass layers such as relu(), not relu, and wrap functions: layer((x) => x.square())');
  },
};

/** What normalization of weights refuses, in words: E350 to E354. */
import { Fault, formatShape } from '../base/index.ts';
import type { Shape } from '../base/index.ts';
import { currentTrace } from '../runtime/index.ts';
import type { Module } from './module.ts';

function fault(code: string, op: string, rule: string, detail: readonly string[], hint: string): Fault {
  return new Fault({ code, op, rule, detail, hint, where: currentTrace().where() });
}

export const weightFaults = {
  /** E350: a parameter that the layer does not have. */
  noParam(op: string, layer: Module, name: string, known: readonly string[]): Fault {
    const detail = [`${layer.describe()} has ${known.length === 0 ? 'no parameters of its own' : known.join(', ')}`];
    return fault('E350', op, `the layer must have a parameter "${name}"`, detail,
      known.length === 0 ? 'wrap the layer that holds the weight, not the model around it' : `name one of them, for example { param: '${known[0]}' }`);
  },
  /** E351: the place of the rule's own parameters is taken. */
  twice(op: string, layer: Module, key: string): Fault {
    return fault('E351', op, `the layer already has something named "${key}"`, [`layer ${layer.describe()}`],
      'wrap a layer once with each rule, or give reparametrize another key');
  },
  /** E352: a rule that gives a weight of another shape. */
  shape(op: string, before: Shape, after: Shape): Fault {
    return fault('E352', op, 'the rule must keep the shape of the weight', [`weight ${formatShape(before)}   rule gives ${formatShape(after)}`],
      'reshape its result, or keep the reduced axes: { keepDims: true }');
  },
  /** E353: an axis that the weight does not have. */
  axis(op: string, weight: Shape, axis: unknown): Fault {
    return fault('E353', op, 'axis must be the axis of the weight that counts its units', [`weight ${formatShape(weight)}   axis ${String(axis)}`],
      'leave it out for linear and convolution; use axis: -2 for a transposed convolution');
  },
  /** E354: units of one value, which have no deviation. */
  oneValue(op: string, weight: Shape, axis: number): Fault {
    return fault('E354', op, 'each unit needs more than one value to be standardized', [`weight ${formatShape(weight)}   units on axis ${axis}: 1 value each`],
      'leave this layer as it is, or use weightNorm');
  },
};

/** What the normalizations of weights share. */
import { resolveAxis } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import type { Module } from '../module.ts';
import { weightFaults } from '../weight-faults.ts';

/** Which weight of a layer is normalized, and unit by unit along which axis. */
export interface WeightRuleOptions {
  /** Property of the layer that holds the weight; default 'weight'. For others the rule's own name has theirs before it: `inputWeightSpectralNorm`. */
  readonly param?: string;
  /** Axis of the weight that counts its units; default the outputs: -1, or what the layer says by a property `outputAxis` (convTranspose2d -2). */
  readonly axis?: number;
}

/** `axis` counted from the front. @throws E353 */
export function unitAxis(rule: Module, weight: Shape, axis = -1): number {
  const resolved = resolveAxis(axis, weight.length);
  if (resolved === undefined) throw weightFaults.axis(rule.describe(), weight, axis);
  return resolved;
}

/** @throws E353, and E354 for units of one value */
export function checkUnits(rule: Module, weight: Shape, axis = -1): void {
  const resolved = unitAxis(rule, weight, axis);
  const size = weight.reduce((product, extent, i) => (i === resolved ? product : product * extent), 1);
  if (size < 2) throw weightFaults.oneValue(rule.describe(), weight, resolved);
}

/** The options with the axis of the layer's outputs, as PyTorch's spectral_norm chooses it. */
export function byOutputs<O extends WeightRuleOptions>(layer: Module, options: O): O {
  const axis: unknown = Reflect.get(layer, 'outputAxis');
  return typeof axis === 'number' ? { ...options, axis: options.axis ?? axis } : options;
}

/** Property of a layer that holds a rule. A layer with several weights may have the same rule for each. */
export function ruleKey(rule: string, param = 'weight'): string {
  return param === 'weight' ? rule : `${param}${rule[0].toUpperCase()}${rule.slice(1)}`;
}

/** Weight standardization (Qiao et al. 2019, arXiv 1903.10520), and centering alone. */
import { centerWeight, standardizeWeight } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { Module } from '../module.ts';
import { reparametrize } from '../reparametrize.ts';
import { checkEpsilon } from './option-checks.ts';
import { byOutputs, checkUnits, ruleKey } from './weight-options.ts';
import type { WeightRuleOptions } from './weight-options.ts';

/** How weights are standardized. */
export interface WeightStandardizationOptions extends WeightRuleOptions {
  /** Added to the deviation, outside of the root as in the authors' code; default 1e-5. */
  readonly epsilon?: number;
}

/** The rule (w - mean) / (deviation + epsilon), unit by unit, with the unbiased deviation. It has no parameters. */
export class WeightStandardization extends Module {
  private readonly options: WeightStandardizationOptions;

  constructor(options: WeightStandardizationOptions = {}) {
    super();
    checkEpsilon('weightStandardization', options.epsilon ?? 0);
    this.options = options;
  }

  override describe(): string {
    return 'weightStandardization';
  }

  forward(weight: Tensor): Tensor {
    checkUnits(this, weight.shape, this.options.axis);
    return standardizeWeight(weight, this.options);
  }
}

/** The rule w - mean, unit by unit. It has no parameters. */
export class WeightCentering extends Module {
  private readonly options: WeightRuleOptions;

  constructor(options: WeightRuleOptions = {}) {
    super();
    this.options = options;
  }

  override describe(): string {
    return 'weightCentering';
  }

  forward(weight: Tensor): Tensor {
    checkUnits(this, weight.shape, this.options.axis);
    return centerWeight(weight, this.options);
  }
}

/**
 * Standardizes the weight of each output: `nn.weightStandardization(nn.conv2d(64, 3))`. For convolutions that a normalization
 * follows, above all group normalization with one or two images per batch.
 * @returns the same layer
 * @throws E101 for epsilon; E350 if the layer has no such parameter; E353 for an axis that the weight does not have; E354 for units of one value
 */
export function weightStandardization<L extends Module>(layer: L, options: WeightStandardizationOptions = {}): L {
  return reparametrize(layer, new WeightStandardization(byOutputs(layer, options)), { param: options.param, key: ruleKey('weightStandardization', options.param) });
}

/**
 * Takes the mean from the weight of each output. For layers followed by a normalization that does not center, such as RMSNorm or
 * moving-average batch normalization (Yan et al. 2020).
 * @returns the same layer
 * @throws E350, E353, E354 as weightStandardization
 */
export function weightCentering<L extends Module>(layer: L, options: WeightRuleOptions = {}): L {
  return reparametrize(layer, new WeightCentering(byOutputs(layer, options)), { param: options.param, key: ruleKey('weightCentering', options.param) });
}

/** Scaled weight standardization, for networks without normalization of activations (Brock et al. 2021, arXiv 2101.08692). */
import { scaledStandardizeWeight } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { init } from '../init.ts';
import { Module } from '../module.ts';
import { reparametrize } from '../reparametrize.ts';
import { byOutputs, checkUnits, ruleKey, unitAxis } from './weight-options.ts';
import type { WeightRuleOptions } from './weight-options.ts';

/** 1 / deviation of the activation of a standard normal value, as in the authors' code (deepmind-research, nfnets/base.py). */
export const activationGains = {
  identity: 1, celu: 1.2709268332, elu: 1.2716004848, gelu: 1.7015043497, leakyRelu: 1.7059034109, relu: 1.7139588594,
  selu: 1.0008515120, sigmoid: 4.8038353920, silu: 1.7881293297, softplus: 1.9203323126, tanh: 1.5939117670,
} as const;

/** How weights are standardized and scaled. */
export interface ScaledWeightStandardizationOptions extends WeightRuleOptions {
  /** The activation whose output is this layer's input: the weight is multiplied by its gain. Default 'identity', a gain of 1. */
  readonly activation?: keyof typeof activationGains;
  /** Train a factor for each output, 1 at first; default true. */
  readonly scale?: boolean;
  /** Smallest value of variance times fan-in; default 1e-4. */
  readonly floor?: number;
}

/** The rule scale * gain * (w - mean) / sqrt(max(variance * fanIn, floor)), unit by unit, with the population variance. */
export class ScaledWeightStandardization extends Module {
  scale: Param | undefined;
  private readonly options: ScaledWeightStandardizationOptions;
  private readonly gain: number;

  constructor(options: ScaledWeightStandardizationOptions = {}) {
    super();
    const { activation = 'identity' } = options;
    if (!Object.hasOwn(activationGains, activation)) {
      throw faults.option('scaledWeightStandardization', 'activation', `must be one of ${Object.keys(activationGains).join(', ')}`, activation, 'leave it out for a gain of 1');
    }
    this.gain = activationGains[activation];
    this.options = options;
  }

  protected override setup(weight: Tensor): void {
    checkUnits(this, weight.shape, this.options.axis);
    const units = weight.shape[unitAxis(this, weight.shape, this.options.axis)];
    if (this.options.scale ?? true) this.scale = this.param('scale', [units], init.ones(), { fanIn: 1, fanOut: 1 });
  }

  override describe(): string {
    return 'scaledWeightStandardization';
  }

  forward(weight: Tensor): Tensor {
    const w = scaledStandardizeWeight(weight, this.options);
    if (!this.scale) return this.gain === 1 ? w : w.mul(this.gain);
    const unit = unitAxis(this, weight.shape, this.options.axis);
    return w.mul(this.scale.value.mul(this.gain).reshape(weight.shape.map((extent, axis) => (axis === unit ? extent : 1))));
  }
}

/**
 * Keeps the variance of a layer's output at that of its input, without looking at either:
 * `nn.scaledWeightStandardization(nn.conv2d(64, 3), { activation: 'relu' })`. For residual networks without normalization layers,
 * trained with adaptive gradient clipping (`clipAdaptive` of an optimizer). The layer gets `scaledWeightStandardization.scale`.
 * @returns the same layer
 * @throws E101 for an activation without a gain; E350, E353, E354 as weightStandardization
 */
export function scaledWeightStandardization<L extends Module>(layer: L, options: ScaledWeightStandardizationOptions = {}): L {
  return reparametrize(layer, new ScaledWeightStandardization(byOutputs(layer, options)), { param: options.param, key: ruleKey('scaledWeightStandardization', options.param) });
}

/** Weight normalization (Salimans & Kingma 2016, arXiv 1602.07868). */
import { valueNow } from '../../runtime/index.ts';
import { unitNorms, weightNormalize } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { Module } from '../module.ts';
import { reparametrize } from '../reparametrize.ts';
import { checkEpsilon } from './option-checks.ts';
import { ruleKey, unitAxis } from './weight-options.ts';

/** How a weight is split into direction and length. */
export interface WeightNormOptions {
  /** Property of the layer that holds the weight, from then on the direction; default 'weight'. For others the lengths are in `hiddenWeightWeightNorm` and so on. */
  readonly param?: string;
  /** Axis of the weight that counts the units, each with a length of its own; 'all' for one length. Default -1 (PyTorch's dim 0; so of a transposed convolution the inputs). */
  readonly axis?: number | 'all';
  /** Added to the squared length of the direction; default 1e-12. PyTorch adds nothing. */
  readonly epsilon?: number;
}

/** The rule w = length * direction / ||direction||. The first lengths are those of the weight, so that wrapping changes nothing. */
export class WeightNorm extends Module {
  length!: Param;
  private readonly options: WeightNormOptions;

  constructor(options: WeightNormOptions = {}) {
    super();
    checkEpsilon('weightNorm', options.epsilon ?? 0);
    this.options = options;
  }

  protected override setup(direction: Tensor): void {
    const { axis = -1 } = this.options;
    const units = axis === 'all' ? [] : [direction.shape[unitAxis(this, direction.shape, axis)]];
    const lengths = Float32Array.from(valueNow(unitNorms(direction, { axis }).node));
    this.length = this.param('length', units, () => lengths, { fanIn: 1, fanOut: 1 });
  }

  override describe(): string {
    return 'weightNorm';
  }

  forward(direction: Tensor): Tensor {
    return weightNormalize(direction, this.length, this.options);
  }
}

/**
 * Trains length and direction of each unit of a layer's weight apart: `nn.weightNorm(nn.linear(10))`. The layer gets a parameter
 * `weightNorm.length`; its `weight` is the direction. For networks without batch statistics: RNNs, reinforcement learning, GANs.
 * @returns the same layer
 * @throws E101 for epsilon; E350 if the layer has no such parameter; E353 for an axis that the weight does not have
 */
export function weightNorm<L extends Module>(layer: L, options: WeightNormOptions = {}): L {
  return reparametrize(layer, new WeightNorm(options), { param: options.param, key: ruleKey('weightNorm', options.param) });
}

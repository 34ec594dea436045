/** Batch normalization and activation that keep their output alone (Rota Bulo et al. 2018). */
import { normalizeInPlace } from '../../tensor/index.ts';
import type { Invertible, MeanAndVariance, Statistics, Tensor } from '../../tensor/index.ts';
import { faults } from './faults.ts';
import { counting } from './mask.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';

/** What in-place activated batch normalization takes: what batchNorm does, and an activation that can be undone. */
export interface InPlaceBatchNormOptions extends Omit<NormalizationOptions, 'activation'> {
  /** Default 'leakyRelu', as the paper; 'elu' has alpha 1. ReLU cannot be undone: a slope of 0.01 trains alike. */
  readonly activation?: Invertible;
  /** Of leakyRelu below 0; default 0.01. More than 0. */
  readonly slope?: number;
}

/**
 * activation(x^ * (|scale| + epsilon) + shift). Its backward pass recovers x^ from the output, so that of the two tensors that
 * batch normalization and its surroundings keep (its input, and the input of the next layer) only the second is left: close to half
 * of the activation memory of a stack of convolutions, at the same speed. The factor's absolute value keeps it invertible:
 * weights of a batchNorm with negative scales do not carry over.
 */
export class InPlaceBatchNorm extends Normalization {
  private readonly undoable: { readonly activation: Invertible; readonly slope: number };

  constructor(options: InPlaceBatchNormOptions = {}) {
    const { activation = 'leakyRelu', slope = 0.01, ...rest } = options;
    super('inPlaceBatchNorm', rest);
    if (!['identity', 'leakyRelu', 'elu'].includes(activation)) throw faults.name('inPlaceBatchNorm', 'activation that can be undone', activation, ['leakyRelu', 'elu', 'identity']);
    if (!(slope > 0)) throw faults.option('inPlaceBatchNorm', 'slope', 'must be more than 0, or the output does not tell the input', slope, 'for example slope: 0.01');
    if (!(this.settings.epsilon > 0)) throw faults.option('inPlaceBatchNorm', 'epsilon', 'must be more than 0, because the factor is divided by', this.settings.epsilon, 'for example epsilon: 1e-5');
    this.undoable = { activation, slope };
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    return { y: this.inPlace(x, statistics, site, statistics), statistics };
  }

  protected override apply(x: Tensor, statistics: MeanAndVariance, site: Site): Tensor {
    return this.inPlace(x, statistics, site);
  }

  private inPlace(x: Tensor, by: MeanAndVariance, { scale, shift, mask }: Site, own?: Statistics): Tensor {
    const counted = own && { count: own.count, mask: mask && counting(mask).cast('f32') };
    return normalizeInPlace(x, by, { scale, shift, epsilon: this.settings.epsilon, ...this.undoable, own: counted });
  }
}

/**
 * Batch normalization with an activation, in about half the activation memory.
 * @throws E101 for an activation that cannot be undone, a slope or epsilon of 0; and what batchNorm throws
 */
export function inPlaceBatchNorm(options?: InPlaceBatchNormOptions): InPlaceBatchNorm {
  return new InPlaceBatchNorm(options);
}

/** Switchable normalization (Luo et al. 2019, arXiv 1806.10779, eqs. 3 to 5). */
import { Statistics } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { init } from '../init.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { channelAxis, positionsOf, spatialAxes } from './per-sample.ts';

/** As batch normalization's. */
export type SwitchableNormOptions = NormalizationOptions;

/** Mean and variance, as they broadcast to x. */
interface Moments { readonly mean: Tensor; readonly variance: Tensor }

/**
 * Normalizes by a mixture of the statistics of instance, layer and batch, in this order. The softmax of `meanWeights` and of
 * `varianceWeights` (3 numbers each, equal at first) are the shares. Where a channel has one position, there are no instances:
 * layer and batch alone, 2 numbers each. All come from one walk over x: those of the instances, pooled. Evaluation takes the
 * batch's part from the running statistics. Unlike the authors' code, instances have their population variance, so that each
 * share alone gives exactly the norm it is named after; and the running variance starts at 1, not 0.
 */
export class SwitchableNorm extends Normalization {
  meanWeights!: Param;
  varianceWeights!: Param;

  constructor(options: SwitchableNormOptions = {}) {
    super('switchableNorm', options);
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const kinds = positionsOf(x, channelAxis(this.op, x, this.settings.axis)) === 1 ? 2 : 3;
    const fans = { fanIn: kinds, fanOut: kinds };
    this.meanWeights = this.param('meanWeights', [kinds], init.ones(), fans);
    this.varianceWeights = this.param('varianceWeights', [kinds], init.ones(), fans);
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const instances = ofInstances(x, site);
    const statistics = instances.pool(0);
    return { y: this.mixed(x, site, instances, statistics), statistics };
  }

  protected override byRunning(x: Tensor, site: Site): Tensor {
    const { mean, variance } = this.running(site.key);
    return this.mixed(x, site, ofInstances(x, site), { mean: site.wide(mean.value), variance: site.wide(variance.value) });
  }

  private mixed(x: Tensor, site: Site, instances: Statistics, batch: Moments): Tensor {
    const all = [instances, instances.pool(site.axis), batch].slice(-this.meanWeights.size);
    const mix = (weights: Param, parts: readonly Tensor[]): Tensor => {
      const shares = weights.value.softmax();
      return parts.map((part, i) => part.mul(shares.slice([i], [i + 1]))).reduce((a, b) => a.add(b));
    };
    const mean = mix(this.meanWeights, all.map((part) => part.mean));
    return this.apply(x, { mean, variance: mix(this.varianceWeights, all.map((part) => part.variance)) }, site);
  }
}

function ofInstances(x: Tensor, { axis, mask }: Site): Statistics {
  return Statistics.of(x, spatialAxes(x, axis), { mask });
}

/**
 * A switchable normalization layer: it learns which norm suits it, batch or none of the batch.
 * @throws what batchNorm throws: E101, E310, E311, E312, E313, E314
 */
export function switchableNorm(options?: SwitchableNormOptions): SwitchableNorm {
  return new SwitchableNorm(options);
}

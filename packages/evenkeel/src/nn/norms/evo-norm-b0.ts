/** EvoNorm-B0 (Liu et al. 2020, arXiv 2004.02967, table 2): normalization and activation in one, by the batch or the instance. */
import { maximum, Statistics } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { init } from '../init.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { applyAffine, spatialAxes } from './per-sample.ts';

/** As batch normalization's; epsilon is 1e-3 unless given. */
export type EvoNormB0Options = Omit<NormalizationOptions, 'activation'>;

/**
 * x / max(deviation of the batch, gate * x + deviation of the instance), then scale and shift; gate is learned for each channel
 * from 1. Evaluation takes the batch's part from the running variance. No activation follows.
 */
export class EvoNormB0 extends Normalization {
  gate!: Param;

  constructor(options: EvoNormB0Options = {}) {
    super('evoNormB0', { epsilon: 1e-3, ...options });
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const [channels] = this.runningVariance.shape;
    this.gate = this.param('gate', [channels], init.ones(), { fanIn: channels, fanOut: channels });
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    return { y: this.over(x, statistics.variance, site), statistics };
  }

  protected override byRunning(x: Tensor, site: Site): Tensor {
    return this.over(x, site.wide(this.running(site.key).variance.value), site);
  }

  private over(x: Tensor, variance: Tensor, site: Site): Tensor {
    const deviation = (v: Tensor): Tensor => v.add(this.settings.epsilon).sqrt();
    const instance = deviation(Statistics.of(x, spatialAxes(x, site.axis), { mask: site.mask }).variance);
    return applyAffine(x.div(maximum(deviation(variance), x.mul(site.wide(this.gate.value)).add(instance))), site);
  }
}

/**
 * An EvoNorm-B0 layer, in place of batch normalization and ReLU; batches as for batch normalization.
 * @throws what batchNorm throws: E101, E310, E311, E312, E313, E314
 */
export function evoNormB0(options?: EvoNormB0Options): EvoNormB0 {
  return new EvoNormB0(options);
}

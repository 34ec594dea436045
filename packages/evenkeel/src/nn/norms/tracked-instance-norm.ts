/** Instance normalization that evaluates by running statistics, PyTorch's track_running_stats. */
import { Statistics } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { positionsOf } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';

/** As batch normalization's, but scale and center are off unless asked for. */
export type TrackedInstanceNormOptions = NormalizationOptions;

/**
 * In training each channel of each sample by its own statistics, in evaluation by running ones. These follow the mean over the
 * samples of means and of (by default unbiased) variances: what lies between the samples does not count, as in PyTorch.
 */
export class TrackedInstanceNorm extends Normalization {
  constructor(options: TrackedInstanceNormOptions = {}) {
    super('instanceNorm', { scale: false, center: false, ...options });
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override gather(x: Tensor, site: Site): Statistics {
    return overSamples(ofInstances(x, site));
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = ofInstances(x, site);
    return { y: this.apply(x, statistics, site), statistics: overSamples(statistics) };
  }

  protected override check(x: Tensor, site: Site): void {
    if (positionsOf(x, site.axis) === 1) throw sampleFaults.oneElement(this.op, x.shape, 'a channel of a sample', 'use batchNorm, groupNorm or layerNorm, which take more together');
  }
}

function ofInstances(x: Tensor, { axes, mask }: Site): Statistics {
  return Statistics.of(x, axes.filter((axis) => axis !== 0), { mask });
}

/** The mean over the samples of each of them. */
function overSamples({ count, mean, m2 }: Statistics): Statistics {
  const average = (v: Tensor): Tensor => v.mean(0, { keepDims: true });
  return new Statistics(typeof count === 'number' ? count : average(count), average(mean), average(m2));
}

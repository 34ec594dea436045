/** Batch normalization by the mean absolute deviation. */
import { Statistics } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { counted } from './mask.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';

/** E|x - mean| times this is the standard deviation of normal values. */
const NORMAL = Math.sqrt(Math.PI / 2);

/** What batch normalization by mean absolute deviations takes: batchNorm's options. */
export type L1BatchNormOptions = NormalizationOptions;

/**
 * y = (x - mean) / (s + epsilon) * scale + shift with s = sqrt(pi / 2) * E|x - mean| (Hoffer et al. 2018, arXiv 1803.01814;
 * Wu et al. 2018, arXiv 1802.09769). No squares and no roots of sums: for training in low precision, and outliers weigh less.
 * runningVariance averages s^2 (by default without Bessel's correction), so that evaluation and folding are batch normalization's.
 */
export class L1BatchNorm extends Normalization {
  constructor(options: L1BatchNormOptions = {}) {
    super('l1BatchNorm', { estimator: 'population', ...options });
  }

  protected override gather(x: Tensor, site: Site): Statistics {
    const { count, mean } = Statistics.of(x, site.axes, { mask: site.mask });
    const total = counted(x.sub(mean).abs(), site.mask).sum(site.axes, { keepDims: true });
    const deviation = total.mul(NORMAL).div(typeof count === 'number' ? Math.max(count, 1) : count.maximum(1));
    return new Statistics(count, mean, deviation.square().mul(count));
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    const deviation = statistics.variance.sqrt();
    const factor = deviation.add(this.settings.epsilon).pow(-1);
    const y = x.sub(statistics.mean).mul(site.scale ? site.scale.mul(factor) : factor);
    return { y: site.shift ? y.add(site.shift) : y, statistics };
  }
}

/** A batch normalization layer by mean absolute deviations. @throws what batchNorm throws */
export function l1BatchNorm(options?: L1BatchNormOptions): L1BatchNorm {
  return new L1BatchNorm(options);
}

/** Batch normalization by the statistics of all workers. */
import { Statistics } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { allReduceStatistics, shardAxis } from './collective.ts';
import type { Collective } from './collective.ts';
import { Normalization } from './normalization.ts';
import type { Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';

/** How workers reach each other. */
export interface SyncBatchNormOptions extends NormalizationOptions {
  /** How workers reach each other; default shardAxis(): they are the first axis of the input. */
  readonly collective?: Collective;
}

/**
 * Batch normalization of the batch that all workers' shards make up: outputs, gradients and running statistics are those of one
 * worker with all samples, whatever their division, empty shards included. Every value counts alike (as in PyTorch; not every
 * worker, as in Flax). For detection, segmentation and contrastive losses, with fewer than about 16 samples a worker; each layer
 * costs two small messages forward and two backward. In evaluation it is plain batch normalization.
 */
export class SyncBatchNorm extends Normalization {
  private readonly collective: Collective;

  constructor(options: SyncBatchNormOptions = {}) {
    super('syncBatchNorm', options);
    this.collective = options.collective ?? shardAxis();
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override gather(x: Tensor, site: Site): Statistics {
    const { shardAxes } = this.collective;
    const own = Statistics.of(x, site.axes.filter((axis) => axis >= shardAxes), { mask: site.mask });
    const all = allReduceStatistics(own.reshape([...x.shape.slice(0, shardAxes), site.channels]), this.collective);
    return all.reshape(x.shape.map((_, axis) => (axis === site.axis ? site.channels : 1)));
  }

  /** A process without samples takes part in what all do together. */
  protected override hasBatch(x: Tensor): boolean {
    return this.collective.shardAxes === 0 || super.hasBatch(x);
  }

  /** One value per channel is enough here where other processes may have more. */
  protected override check(x: Tensor, site: Site): void {
    if (this.collective.shardAxes > 0) super.check(x, site);
  }
}

/** A batch normalization layer by the statistics of all workers. @throws what batchNorm throws */
export function syncBatchNorm(options?: SyncBatchNormOptions): SyncBatchNorm {
  return new SyncBatchNorm(options);
}

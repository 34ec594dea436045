/** Statistics of groups of channels within each sample: what instance, group and switchable normalization are made of. */
import { Statistics } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';

/** Where the channels of [N, ...spatial, C] stand (anywhere but first), and how they fall into groups. */
export interface Grouping {
  /** The channels, counted from the front. */
  readonly axis: number;
  /** Equal groups of neighbouring channels; default: each channel by itself. */
  readonly groups?: number;
  /** bool or numbers that broadcast to x: only values where it is not 0 count. */
  readonly mask?: Tensor;
}

/**
 * Statistics of each group of channels in each sample, [N, 1..., C] so that they broadcast to x. They are taken channel by channel
 * and then pooled: the walk over x neither needs neighbouring channels together nor another layout.
 */
export function groupStatistics(x: Tensor, { axis, groups, mask }: Grouping): Statistics {
  const samples = x.shape[0];
  const channels = x.shape[axis];
  const spatial = x.shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis);
  const own = Statistics.of(x, spatial, { mask });
  if (groups === undefined || groups === channels) return own;
  const size = channels / groups;
  const { count, mean, m2 } = own.reshape([samples, groups, size]).pool(2);
  const stretch = (v: Tensor): Tensor => v.broadcastTo([samples, groups, size]).reshape(own.mean.shape);
  return new Statistics(typeof count === 'number' || count.size === 1 ? count : stretch(count), stretch(mean), stretch(m2));
}

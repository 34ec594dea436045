/** Layers that shrink images window by window. */
import { avgPool2d as average, maxPool2d as maximum } from '../../tensor/index.ts';
import type { PoolOptions } from '../../tensor/index.ts';
import { checkImages } from './conv2d.ts';
import { Lambda } from './layer.ts';
import { pair } from './options.ts';

/** Stride and padding of a pooling layer; by default windows lie side by side, without padding. */
export type Pool2dOptions = Omit<PoolOptions, 'window'>;

/** The largest value of each window of images [N, H, W, C]; windows do not overlap unless `stride` says so. */
export function maxPool2d(size: number | readonly number[], options: Pool2dOptions = {}): Lambda {
  const window = pair('maxPool2d', 'size', size);
  return new Lambda((x) => {
    checkImages('maxPool2d', x);
    return maximum(x, { window, ...options });
  }, `maxPool2d ${window.join('x')}`);
}

/** The mean of each window of images [N, H, W, C]. `countPadding` (default true) counts padding as zeros. */
export function avgPool2d(size: number | readonly number[], options: Pool2dOptions & { readonly countPadding?: boolean } = {}): Lambda {
  const window = pair('avgPool2d', 'size', size);
  return new Lambda((x) => {
    checkImages('avgPool2d', x);
    return average(x, { window, ...options });
  }, `avgPool2d ${window.join('x')}`);
}

/** The mean of each channel: images [N, H, W, C] become [N, C]. */
export function globalAvgPool2d(): Lambda {
  return new Lambda((x) => {
    checkImages('globalAvgPool2d', x);
    return x.mean([1, 2]);
  }, 'globalAvgPool2d');
}

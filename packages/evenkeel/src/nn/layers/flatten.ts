/** All axes of a sample as one. */
import { Lambda } from './layer.ts';

/** [N, ...] becomes [N, features], row-major: the channels of one pixel stay together. */
export function flatten(): Lambda {
  return new Lambda((x) => x.reshape([x.shape[0], x.shape.slice(1).reduce((size, extent) => size * extent, 1)]), 'flatten');
}

/** Batches cut into shards of unequal size, for layers that see all workers along the first axis. */
import { concat, tensor } from '../../src/index.ts';
import type { Tensor } from '../../src/index.ts';

/** Padding that would show in any statistic. */
const JUNK = 1e3;

/** Applies fn to [workers, most samples, ...], padded, with a mask of what is real, and joins the real samples of its result again. */
export function overShards(x: Tensor, sizes: readonly number[], fn: (shards: Tensor, mask: Tensor) => Tensor): Tensor {
  const most = Math.max(...sizes);
  const rest = x.shape.slice(1);
  const zeros = rest.map(() => 0);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const padded = sizes.map((size, i) => x.slice([starts[i], ...zeros], [starts[i] + size, ...rest])
    .pad([[0, most - size], ...rest.map(() => [0, 0] as const)], JUNK).expandDims(0));
  const real = sizes.flatMap((size) => Array.from({ length: most }, (_, i) => (i < size ? 1 : 0)));
  const y = fn(concat(padded), tensor(real, [sizes.length, most, ...rest.slice(0, -1).map(() => 1)]));
  return concat(sizes.map((size, i) => y.slice([i, 0, ...zeros], [i + 1, size, ...rest]).reshape([size, ...rest])));
}

/** Normalization without a mean: by the norm of a vector, and by the power of neighbouring channels. */
import * as nodes from './nodes/index.ts';
import type { Axes, ResponseOptions, UnitOptions } from './nodes/index.ts';
import type { Source } from './functions.ts';
import { nodeOf, Tensor } from './tensor.ts';

/** Options of localResponseNormalize (axis, before, after, factor, power, offset) and unitNormalize (order, epsilon). */
export type { ResponseOptions, UnitOptions } from './nodes/index.ts';

/** x / max(norm of x over `axes`, epsilon); a zero vector stays zero, and its gradient is finite. @throws E202, E222 */
export function unitNormalize(x: Source, axes: Axes, options?: UnitOptions): Tensor {
  return new Tensor(nodes.unitNormalize(nodeOf(x), axes, options));
}

/** x / (offset + factor * sum of squares over a window of channels)^power (Krizhevsky et al. 2012, section 3.3). @throws E202 */
export function localResponseNormalize(x: Source, options: ResponseOptions): Tensor {
  return new Tensor(nodes.localResponseNormalize(nodeOf(x), options));
}

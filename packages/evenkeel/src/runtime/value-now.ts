/** The value of a graph at this moment, computed on the host. */
import { dense, evaluate } from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import type { Variable } from './variable.ts';

/**
 * What a graph of constants and refs is worth now, by the f64 reference: for first values that depend on other refs. It does not
 * wait for steps that were asked for before.
 */
export function valueNow(node: Node): Float64Array {
  return evaluate([node], { ref: (ref) => dense((ref as Variable).shape, (ref as Variable).peek()) })[0].data;
}

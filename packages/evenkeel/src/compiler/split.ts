/** When a product is cut along its summed index: few results, many terms (weight gradients). */
import { dotSizes } from './task.ts';
import type { Vertex } from './vertex.ts';

const FEW_UNITS = 8;
const LONG_K = 2048;
const MANY_RESULTS = 1 << 17;
/** Rows and columns of results that make one unit of work in this count. */
const UNIT_ROWS = 12;
const UNIT_COLUMNS = 256;

export function splitsK(dot: Vertex): boolean {
  const s = dotSizes(dot);
  const units = s.batch * Math.ceil(s.m / UNIT_ROWS) * Math.ceil(s.n / UNIT_COLUMNS);
  return s.k >= LONG_K && (units < FEW_UNITS || (s.k > 8 * s.m && s.batch * s.m * s.n <= MANY_RESULTS));
}

/** Mean absolute error. */
import { mae as of } from '../../tensor/index.ts';
import type { Metric } from './metric.ts';

/** The mean of |output - target|; both of one shape. */
export const mae: Metric = (output, target) => of(output, target);

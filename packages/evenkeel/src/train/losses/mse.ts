/** Mean squared error. */
import { mse as of } from '../../tensor/index.ts';
import type { Loss } from './loss.ts';

/** The mean of (output - target)^2; both of one shape. */
export const mse: Loss = (output, target) => of(output, target);

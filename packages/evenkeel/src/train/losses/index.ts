import { crossEntropy } from './cross-entropy.ts';
import { mse } from './mse.ts';

export type { Loss } from './loss.ts';

/** The losses that fit and evaluate know by name. */
export const losses = { crossEntropy, mse } as const;

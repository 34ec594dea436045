import { Adam } from './adam.ts';
import { SGD } from './sgd.ts';

export { Adam } from './adam.ts';
export type { AdamOptions } from './adam.ts';
export type { AdaptiveClip } from './clip.ts';
export { Optimizer } from './optimizer.ts';
export type { OptimizerOptions, UpdateContext } from './optimizer.ts';
export { schedules } from './schedules.ts';
export type { Schedule } from './schedules.ts';
export { SGD } from './sgd.ts';
export type { SgdOptions } from './sgd.ts';

/** The update rules by name. */
export const optimizers = {
  sgd: SGD,
  adam: Adam,
} as const;

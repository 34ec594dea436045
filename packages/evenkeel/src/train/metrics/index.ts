import { accuracy } from './accuracy.ts';
import { mae } from './mae.ts';

export type { Metric } from './metric.ts';

/** The metrics that fit and evaluate know by name. */
export const metrics = { accuracy, mae } as const;

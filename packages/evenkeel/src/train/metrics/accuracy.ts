/** Accuracy of a classifier. */
import type { Metric } from './metric.ts';

/** Share of rows of the output [N, C] whose largest value stands at the target's class number i32 [N]. */
export const accuracy: Metric = (output, target) => output.argmax([-1]).eq(target).cast('f32').mean();

import type { Tensor } from '../../tensor/index.ts';

/** One f32 number, the mean over the samples of a batch; it is only watched, not trained on. */
export type Metric = (output: Tensor, target: Tensor) => Tensor;

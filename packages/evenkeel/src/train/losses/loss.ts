import type { Tensor } from '../../tensor/index.ts';

/** One f32 number, the mean over the samples of a batch, for what the model said and what it should have said. */
export type Loss = (output: Tensor, target: Tensor) => Tensor;

/** Random tensors. */
import { RandomStream, sizeOf } from '../base/index.ts';
import type { Shape } from '../base/index.ts';
import * as nodes from './nodes/index.ts';
import { Tensor } from './tensor.ts';

/** Where draws come from. */
export interface DrawOptions {
  /** Equal seeds give equal draws, on every machine. */
  readonly seed: number;
  /** A name or number that tells apart draws of one seed; default 0. */
  readonly stream?: string | number;
}

/** Draws that are made once, on the host, when the function is called. */
export const random = {
  /** Uniform in [low, high); default [0, 1). */
  uniform(shape: Shape, options: DrawOptions & { readonly low?: number; readonly high?: number }): Tensor {
    const { low = 0, high = 1 } = options;
    return draw(shape, options, (stream) => low + (high - low) * stream.uniform());
  },
  /** Normal; default mean 0 and deviation 1. */
  normal(shape: Shape, options: DrawOptions & { readonly mean?: number; readonly deviation?: number }): Tensor {
    const { mean = 0, deviation = 1 } = options;
    return draw(shape, options, (stream) => mean + deviation * stream.normal());
  },
};

/** Draws that a compiled step makes anew in every run, the same for the same seed and number of the step. */
export const noise = {
  /** Uniform in (0, 1). */
  uniform(shape: Shape, options: { readonly seed: number }): Tensor {
    return new Tensor(nodes.random.uniform(shape, options.seed));
  },
  /** Normal with mean 0 and deviation 1. */
  normal(shape: Shape, options: { readonly seed: number }): Tensor {
    return new Tensor(nodes.random.normal(shape, options.seed));
  },
};

function draw(shape: Shape, { seed, stream = 0 }: DrawOptions, next: (stream: RandomStream) => number): Tensor {
  const source = new RandomStream(seed, stream);
  return new Tensor(nodes.constant(Float32Array.from({ length: sizeOf(shape) }, () => next(source)), [...shape], 'f32'));
}

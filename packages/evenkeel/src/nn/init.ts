/** First values of parameters, drawn on the host: the same seed and path always give the same numbers. */
import { sizeOf } from '../base/index.ts';
import type { RandomStream, Shape } from '../base/index.ts';

/** How many values flow into and out of one unit; what the spread of most draws depends on. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** The first values of a parameter of this shape. */
export type Initializer = (shape: Shape, fans: Fans, random: RandomStream) => Float32Array;

/** Initializers by name. */
export const init = {
  /** All 0. */
  zeros: (): Initializer => init.constant(0),
  /** All 1. */
  ones: (): Initializer => init.constant(1),
  /** All the same. */
  constant: (value: number): Initializer => (shape) => new Float32Array(sizeOf(shape)).fill(value),
  /** Uniform in -bound .. bound. */
  uniform: (bound: number): Initializer => (shape, _fans, random) => draw(shape, () => (2 * random.uniform() - 1) * bound),
  /** Normal with mean 0. */
  normal: (deviation: number): Initializer => (shape, _fans, random) => draw(shape, () => random.normal() * deviation),
  /** Uniform in +-1 / sqrt(fanIn): PyTorch's default for weights (as kaiming with a = sqrt(5)) and biases of linear and convolution. */
  fanInUniform: (): Initializer => (shape, fans, random) => init.uniform(1 / Math.sqrt(Math.max(fans.fanIn, 1)))(shape, fans, random),
  /** Uniform in +-sqrt(6 / fanIn), for ReLU (He et al. 2015, eq. 10). */
  kaimingUniform: (): Initializer => (shape, fans, random) => init.uniform(Math.sqrt(6 / fans.fanIn))(shape, fans, random),
  /** Normal with deviation sqrt(2 / fanIn), for ReLU (He et al. 2015, eq. 10). */
  kaimingNormal: (): Initializer => (shape, fans, random) => init.normal(Math.sqrt(2 / fans.fanIn))(shape, fans, random),
  /** Uniform in +-sqrt(6 / (fanIn + fanOut)): Keras' default (Glorot & Bengio 2010, eq. 16). */
  xavierUniform: (): Initializer => (shape, fans, random) => init.uniform(Math.sqrt(6 / (fans.fanIn + fans.fanOut)))(shape, fans, random),
} as const;

function draw(shape: Shape, next: () => number): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, next);
}

/** Tensor functions on graph nodes: broadcasting, axes counted from either end, composites. Tensors are wrapped around these. */
export { cast, constant, full, fullLike, iota, stopGradient, withGradient } from './apply.ts';
export type { Operand } from './apply.ts';
export * from './arithmetic.ts';
export { convolution, transposedConvolution } from './convolution.ts';
export type { ConvolutionOptions, TransposedOptions } from './convolution.ts';
export { matmul, oneHot, take } from './linear-algebra.ts';
export * from './loss.ts';
export * from './normalize.ts';
export { centerWeight, scaledStandardizeWeight, spectralNorm, standardizeWeight, unitNorms, weightNormalize } from './normalize-weight.ts';
export { localResponseNormalize, unitNormalize } from './normalize-response.ts';
export type { ResponseOptions, UnitOptions } from './normalize-response.ts';
export { averagePool, maxPool } from './pooling.ts';
export type { PoolOptions } from './pooling.ts';
export * as random from './random.ts';
export { argmax, logSoftmax, logSumExp, max, mean, min, moments, prod, softmax, sum, variance } from './reduce.ts';
export type { Axes, Moments, ReduceOptions } from './reduce.ts';
export { broadcastTo, concat, expandDims, flip, pad, reshape, slice, squeeze, stack, sumTo, transpose } from './shape.ts';
export type { Padding, WindowOptions } from './windows.ts';

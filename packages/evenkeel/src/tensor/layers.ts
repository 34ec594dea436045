/** The composite functions that layers are made of. */
import * as nodes from './nodes/index.ts';
import type { Axes, ConvolutionOptions, CrossEntropyOptions, PoolOptions, TransposedOptions } from './nodes/index.ts';
import type { Source } from './functions.ts';
import { nodeOf, Tensor } from './tensor.ts';

/** Options of a convolution: stride, padding (number, one for each axis, 'same' or 'valid'), dilation, groups. */
export type { ConvolutionOptions, CrossEntropyOptions, Invertible, PoolOptions, TransposedOptions } from './nodes/index.ts';

/** x [N, L, C] with w [K, C / groups, O] gives [N, L', O]. */
export function conv1d(x: Source, w: Source, options?: ConvolutionOptions): Tensor {
  return new Tensor(nodes.convolution('conv1d', nodeOf(x), nodeOf(w), options));
}

/** x [N, H, W, C] with w [KH, KW, C / groups, O] gives [N, H', W', O]. @throws E220, E221 */
export function conv2d(x: Source, w: Source, options?: ConvolutionOptions): Tensor {
  return new Tensor(nodes.convolution('conv2d', nodeOf(x), nodeOf(w), options));
}

/** x [N, D, H, W, C] with w [KD, KH, KW, C / groups, O] gives [N, D', H', W', O]. */
export function conv3d(x: Source, w: Source, options?: ConvolutionOptions): Tensor {
  return new Tensor(nodes.convolution('conv3d', nodeOf(x), nodeOf(w), options));
}

/** The adjoint of conv2d: x [N, H, W, O] with w [KH, KW, C / groups, O] gives [N, H', W', C]. `padding` cuts from the output. */
export function convTranspose2d(x: Source, w: Source, options?: TransposedOptions): Tensor {
  return new Tensor(nodes.transposedConvolution('convTranspose2d', nodeOf(x), nodeOf(w), options));
}

/** The largest value of each window of [N, H, W, C]; the gradient goes to the first of several. */
export function maxPool2d(x: Source, options: PoolOptions): Tensor {
  return new Tensor(nodes.maxPool('maxPool2d', nodeOf(x), options));
}

/** The mean of each window of [N, H, W, C]. `countPadding` (default true) counts padding as zeros. */
export function avgPool2d(x: Source, options: PoolOptions & { readonly countPadding?: boolean }): Tensor {
  return new Tensor(nodes.averagePool('avgPool2d', nodeOf(x), options));
}

/** Factors and offsets after a normalization. */
export interface Affine {
  /** Default 1. */
  readonly scale?: Source;
  /** Default 0. */
  readonly shift?: Source;
}

/** What a tensor is normalized by; `Statistics` are one such thing. */
export interface MeanAndVariance {
  readonly mean: Source;
  readonly variance: Source;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
}

/** A normalized tensor with the moments that it was normalized by. */
export interface Standardized { readonly y: Tensor; readonly mean: Tensor; readonly variance: Tensor }

/** (x - mean) * scale / sqrt(variance + epsilon) + shift; everything broadcasts to x, and gradients flow into all of it. */
export function normalize(x: Source, statistics: MeanAndVariance, affine: Affine & { readonly epsilon?: number } = {}): Tensor {
  const { mean, variance, epsilon = affine.epsilon } = statistics;
  return new Tensor(nodes.normalize(nodeOf(x), { mean: nodeOf(mean), variance: nodeOf(variance), epsilon }, affineOf(affine)));
}

/** Options of normalizeInPlace; scale and shift have the shape of the mean. */
export interface InPlaceOptions extends Affine {
  /** 'leakyRelu' (default), 'elu' or 'identity'. */
  readonly activation?: nodes.Invertible;
  /** Of leakyRelu below 0, more than 0; default 0.01. */
  readonly slope?: number;
  /** Added to the variance and to |scale|; default 1e-5. */
  readonly epsilon?: number;
  /** x's own statistics: the gradient takes them along. Left out: mean and variance are constants. */
  readonly own?: { readonly count: Tensor | number; readonly mask?: Tensor };
}

/**
 * activation((x - mean) * (|scale| + epsilon) / sqrt(variance + epsilon) + shift), whose gradient is computed from the output alone,
 * so that x need not be kept (Rota Bulo et al. 2018). Mean and variance broadcast to x, with the reduced axes as 1.
 */
export function normalizeInPlace(x: Source, { mean, variance }: MeanAndVariance, options: InPlaceOptions = {}): Tensor {
  const { scale, shift, epsilon, activation, slope, own } = options;
  const inside = own && { count: typeof own.count === 'number' ? own.count : own.count.node, mask: own.mask?.node };
  return new Tensor(nodes.normalizeInPlace(nodeOf(x), { mean: nodeOf(mean), variance: nodeOf(variance), epsilon }, { ...affineOf({ scale, shift }), activation, slope, own: inside }));
}

/** Standardizes each channel over `axes`; scale, shift, mean and (population) variance have x's shape without `axes`. Epsilon default 1e-5. */
export function batchNormalize(x: Source, axes: Axes, options: Affine & { readonly epsilon?: number } = {}): Standardized {
  return standardized(nodes.batchNormalize(nodeOf(x), axes, { epsilon: options.epsilon, ...affineOf(options) }));
}

/** Standardizes x over `axes`; scale and shift broadcast to x; mean and (population) variance keep `axes` with extent 1. */
export function standardize(x: Source, axes: Axes, options: Affine & { readonly epsilon?: number } = {}): Standardized {
  return standardized(nodes.standardize(nodeOf(x), axes, { epsilon: options.epsilon, ...affineOf(options) }));
}

/** x / sqrt(mean(x^2) + epsilon) over `axes`, times a scale that broadcasts to x. */
export function rmsNormalize(x: Source, axes: Axes, options: { readonly epsilon?: number; readonly scale?: Source } = {}): Tensor {
  return new Tensor(nodes.rmsNormalize(nodeOf(x), axes, { epsilon: options.epsilon, scale: options.scale && nodeOf(options.scale) }));
}

function affineOf({ scale, shift }: Affine): { scale: nodes.Affine['scale']; shift: nodes.Affine['shift'] } {
  return { scale: scale && nodeOf(scale), shift: shift && nodeOf(shift) };
}

function standardized(result: nodes.Standardized): Standardized {
  return { y: new Tensor(result.y), mean: new Tensor(result.mean), variance: new Tensor(result.variance) };
}

/** Zeroes a share `rate` of x at random in train mode and scales the rest to keep the mean; x itself in eval mode. */
export function dropout(x: Source, rate: number, options: { readonly seed?: number } = {}): Tensor {
  return new Tensor(nodes.random.dropout(nodeOf(x), rate, options.seed ?? 0));
}

/** Mean of -log softmax(logits)[label]: logits [..., C] with labels i32 [...], or f32 probabilities [..., C]. @throws E223, E402 */
export function crossEntropy(logits: Source, labels: Source, options?: CrossEntropyOptions): Tensor {
  return new Tensor(nodes.crossEntropy(nodeOf(logits), nodeOf(labels), options));
}

/** Mean of (a - b)^2. @throws E201 unless the shapes are equal */
export function mse(a: Source, b: Source): Tensor {
  return new Tensor(nodes.mse(nodeOf(a), nodeOf(b)));
}

/** Mean of |a - b|. @throws E201 unless the shapes are equal */
export function mae(a: Source, b: Source): Tensor {
  return new Tensor(nodes.mae(nodeOf(a), nodeOf(b)));
}

/** Mean of 0.5 d^2 where |d| <= delta, else delta (|d| - delta / 2). Default delta 1. */
export function huber(a: Source, b: Source, delta?: number): Tensor {
  return new Tensor(nodes.huber(nodeOf(a), nodeOf(b), delta));
}

/** Mean binary cross-entropy of logits against targets in 0 .. 1, stable for any logits. */
export function binaryCrossEntropy(logits: Source, targets: Source): Tensor {
  return new Tensor(nodes.binaryCrossEntropy(nodeOf(logits), nodeOf(targets)));
}

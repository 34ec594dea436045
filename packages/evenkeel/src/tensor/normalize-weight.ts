/** Functions that normalize a weight. A unit is what one output depends on: all axes of the weight but `axis`, by default the last. */
import * as nodes from './nodes/index.ts';
import type { Source } from './functions.ts';
import { nodeOf, Tensor } from './tensor.ts';

/** Which axis of a weight counts its units: -1 (default) in linear [in, out] and convolution [KH, KW, C / groups, O] weights. */
export interface WeightAxisOptions {
  readonly axis?: number;
}

/**
 * direction * length / sqrt(||direction||^2 + epsilon), unit by unit (Salimans & Kingma 2016, arXiv 1602.07868, eq. 2).
 * @param length  one number for each unit, or one for all with axis 'all'
 * @param options epsilon default 1e-12
 * @throws E202 for an axis that does not exist; E203 for another number of lengths
 */
export function weightNormalize(direction: Source, length: Source, options: { readonly axis?: number | 'all'; readonly epsilon?: number } = {}): Tensor {
  return new Tensor(nodes.weightNormalize(nodeOf(direction), nodeOf(length), options.axis, options.epsilon));
}

/** Euclidean length of each unit, [units]; one number with axis 'all'. @throws E202 */
export function unitNorms(w: Source, options: { readonly axis?: number | 'all' } = {}): Tensor {
  return new Tensor(nodes.unitNorms(nodeOf(w), options.axis));
}

/** (w - mean) / (unbiased deviation + epsilon), unit by unit (Qiao et al. 2019, arXiv 1903.10520, as their code has it). Epsilon default 1e-5. @throws E202 */
export function standardizeWeight(w: Source, options: WeightAxisOptions & { readonly epsilon?: number } = {}): Tensor {
  return new Tensor(nodes.standardizeWeight(nodeOf(w), options.axis, options.epsilon));
}

/** (w - mean) / sqrt(max(variance * fanIn, floor)), unit by unit (Brock et al. 2021, arXiv 2101.08692, eq. 2). Floor default 1e-4. @throws E202 */
export function scaledStandardizeWeight(w: Source, options: WeightAxisOptions & { readonly floor?: number } = {}): Tensor {
  return new Tensor(nodes.scaledStandardizeWeight(nodeOf(w), options.axis, options.floor));
}

/** w - mean, unit by unit. @throws E202 */
export function centerWeight(w: Source, options: WeightAxisOptions = {}): Tensor {
  return new Tensor(nodes.centerWeight(nodeOf(w), options.axis));
}

/** A spectral norm with the singular vectors it was estimated by. */
export interface Spectral { readonly norm: Tensor; readonly u: Tensor; readonly v: Tensor }

/**
 * The largest singular value of w as a matrix of units, by `iterations` (default 1) steps of power iteration from u [units] and
 * v [values of a unit] (Miyato et al. 2018, arXiv 1802.05957, alg. 1). Gradients flow through the norm, not through the vectors.
 * @throws E202 for an axis that does not exist; E204 for vectors of another length
 */
export function spectralNorm(w: Source, start: { readonly u: Source; readonly v: Source }, options: WeightAxisOptions & { readonly iterations?: number; readonly epsilon?: number } = {}): Spectral {
  const { norm, u, v } = nodes.spectralNorm(nodeOf(w), { u: nodeOf(start.u), v: nodeOf(start.v) }, options);
  return { norm: new Tensor(norm), u: new Tensor(u), v: new Tensor(v) };
}

/** Batch normalization out of Caffe's blobs (BVLC/caffe, src/caffe/layers/batch_norm_layer.cpp). */
import type { Normalization } from '../nn/index.ts';
import type { Ref } from '../tensor/index.ts';
import { faults } from './faults.ts';

/** The blobs of a BatchNorm layer: sums of statistics, not the statistics themselves. */
export interface CaffeBatchNorm {
  /** Blob 0, one number for each channel. */
  readonly mean: ArrayLike<number>;
  /** Blob 1. */
  readonly variance: ArrayLike<number>;
  /** Blob 2, the sum of the weights in the other two, which they are divided by; 0 means that all statistics are 0. */
  readonly factor: number | ArrayLike<number>;
  /** use_global_stats of the layer: true also trains by the stored statistics, false evaluates by the batch's. Default: Caffe's, by phase. */
  readonly useGlobalStats?: boolean;
}

/** The blobs of the Scale layer behind it; `shift` is there with bias_term. */
export interface CaffeScale {
  readonly scale: ArrayLike<number>;
  readonly shift?: ArrayLike<number>;
}

/** How far below 0 rounding puts the variance of a channel, times 1 + mean^2: Caffe subtracts E[x]^2 from E[x^2] in f32. */
const ROUNDING = 1e-3;

/**
 * Sets a batch normalization, best `nn.batchNorm({ dialect: 'caffe' })`, from a BatchNorm layer of Caffe and the Scale layer behind it.
 * Without a Scale layer an affine part becomes the identity. Variances that rounding made negative (about -1e-5 in published models)
 * become 0. All or nothing.
 * @throws E520 for blobs of other sizes or impossible values, for a Scale layer that ours has no place for, or another useGlobalStats;
 * E320 before the layer's sizes are known
 */
export function importCaffeBatchNorm(layer: Normalization, blobs: CaffeBatchNorm, scale?: CaffeScale): void {
  layer.params();
  const writes = [...statisticsOf(layer, blobs), ...affineOf(layer, scale)];
  const { useGlobalStats } = blobs;
  if (useGlobalStats === false && layer.settings.evaluation !== 'batch') throw faults.blobs('use_global_stats: false evaluates by the statistics of the batch', "the layer has evaluation: 'running'", "build nn.batchNorm({ dialect: 'caffe', evaluation: 'batch' })");
  for (const [ref, values] of writes) ref.write(values);
  if (useGlobalStats) [layer.statistics, layer.update] = ['running', false];
}

type Write = readonly [ref: Ref, values: readonly number[]];

function write(name: string, ref: Ref, values: ArrayLike<number>): Write {
  if (ref.size === values.length) return [ref, Array.from(values)];
  throw faults.blobs(`${name} must have a number for each channel`, `the layer has ${ref.size} channels   got ${values.length}`, 'give the blobs of this layer, in the order of Caffe');
}

function statisticsOf(layer: Normalization, blobs: CaffeBatchNorm): Write[] {
  const factors = typeof blobs.factor === 'number' ? [blobs.factor] : Array.from(blobs.factor);
  const [factor] = factors;
  if (factors.length !== 1 || !(factor >= 0 && factor < Infinity)) throw faults.blobs('factor, blob 2, must be one number from 0', `got ${JSON.stringify(factors)}`, 'old BatchNorm layers have two blobs, already divided: factor 1');
  const divided = (sums: ArrayLike<number>): number[] => Array.from(sums, (sum) => (factor === 0 ? 0 : sum / factor));
  const mine = layer.running(), { debias, decay } = layer.settings;
  const mean = write('mean, blob 0,', mine.mean, divided(blobs.mean));
  const variance = write('variance, blob 1,', mine.variance, divided(blobs.variance).map((value, channel) => {
    if (!(value < -ROUNDING * (1 + mean[1][channel] ** 2))) return Math.max(value, 0);
    throw faults.blobs('a variance must not be negative', `channel ${channel} has ${value}`, 'check the order of the blobs: mean, variance, factor');
  }));
  // Caffe's weights sum up to (1 - decay^n) / (1 - decay), ours to 1 - decay^n.
  return [mean, variance, ...(mine.weight && debias ? [write('factor', mine.weight, [Math.min(1, factor * (1 - decay))])] : [])];
}

function affineOf({ scale: factors, shift: offsets, runningMean: { size } }: Normalization, scale: CaffeScale | undefined): Write[] {
  const lacks = [...(scale && !factors ? ['scale'] : []), ...(scale?.shift && !offsets ? ['center'] : [])];
  if (lacks.length > 0) throw faults.blobs('a Scale layer needs a place in the layer', `the layer was built with ${lacks.map((name) => `${name}: false`).join(', ')}`, `leave out ${lacks.map((name) => `${name}: false`).join(', ')}`);
  const filled = (value: number): number[] => Array.from({ length: size }, () => value);
  return [...(factors ? [write('scale', factors, scale?.scale ?? filled(1))] : []), ...(offsets ? [write('shift', offsets, scale?.shift ?? filled(0))] : [])];
}

/** Which statistics explain what a layer computes: every set of axes and every form is fitted to several batches at once. */
import type { Shape } from '../../base/index.ts';
import type { Dense } from '../../graph/index.ts';
import { momentsOf, regress, slicesOf, subsets } from './arrays.ts';

/** How a value is treated with the mean m and the variance v of its slice. */
export type Form = 'standardize' | 'rms' | 'uncentered' | 'center' | 'variance' | 'absolute';

const FORMS: Readonly<Record<Form, (x: number, m: number, v: number, epsilon: number) => number>> = {
  standardize: (x, m, v, epsilon) => (x - m) / Math.sqrt(v + epsilon),
  rms: (x, m, v, epsilon) => x / Math.sqrt(v + m * m + epsilon),
  uncentered: (x, _m, v, epsilon) => x / Math.sqrt(v + epsilon),
  center: (x, m) => x - m,
  variance: (x, m, v, epsilon) => (x - m) / (v + epsilon),
  absolute: (x) => x,
};

/** What values are normalized by. */
export interface Statistic {
  readonly axes: readonly number[];
  readonly form: Form;
  /** The variance is divided by one less than the number of values. */
  readonly unbiased?: boolean;
}

/** An explanation: y = slope * form(x) + offset, with a slope and an offset for each feature. */
export interface Explanation extends Statistic {
  /** What is added besides: a multiple of the slice's deviation, or of its mean. */
  readonly extra: 'deviation' | 'mean' | undefined;
  /** By feature. */
  readonly slopes: Float64Array;
  readonly offsets: Float64Array;
}

/** A batch and what the layer made of it. */
export interface Observation { readonly x: Dense; readonly y: Float64Array }

/** What is unexplained may be this share of the variance: an unknown epsilon hides in it. */
const UNEXPLAINED = 1e-4;

/**
 * The simplest explanation of all observations.
 * @param expected  tried first
 * @param features  axes that slopes and offsets may differ along
 */
export function explain(
  observations: readonly Observation[], expected: { readonly axes: readonly number[]; readonly form: Form }, features: readonly number[], epsilon: number,
): Explanation | undefined {
  const { shape } = observations[0].x;
  const all = subsets(shape.map((_, axis) => axis)).filter((axes) => axes.reduce((size, axis) => size * shape[axis], 1) > 1);
  const forms = (Object.keys(FORMS) as Form[]).filter((form) => form !== 'absolute');
  const candidates = [expected, { axes: [], form: 'absolute' as const }, ...forms.flatMap((form) => all.map((axes) => ({ axes, form })))];
  let withExtra: Explanation | undefined;
  for (const { axes, form } of candidates) {
    const found = fit(observations, axes, form, features, epsilon);
    if (found && !found.extra) return found;
    withExtra ??= found;
  }
  return withExtra;
}

/** Element by element: the value of a form, and the deviation and mean of the slice. */
export interface Normalized { readonly values: Float64Array; readonly deviation: Float64Array; readonly mean: Float64Array }

/** Values of a form over a batch, with the deviation and the mean that each came from. */
export function normalized({ shape, data }: Dense, { axes, form, unbiased = false }: Statistic, epsilon: number): Normalized {
  const slices = slicesOf(shape, axes);
  const { mean, variance: population } = momentsOf(data, slices);
  const count = data.length / slices.count;
  const variance = unbiased ? population.map((v) => (v * count) / (count - 1)) : population;
  return {
    values: data.map((x, i) => FORMS[form](x, mean[slices.of[i]], variance[slices.of[i]], epsilon)),
    deviation: data.map((_, i) => Math.sqrt(variance[slices.of[i]] + epsilon)),
    mean: data.map((_, i) => mean[slices.of[i]]),
  };
}

/** The slices of elements that share a slope and an offset. */
export function featureSlices(shape: Shape, features: readonly number[]): { readonly of: Int32Array; readonly count: number } {
  return slicesOf(shape, shape.map((_, axis) => axis).filter((axis) => !features.includes(axis)));
}

function fit(observations: readonly Observation[], axes: readonly number[], form: Form, features: readonly number[], epsilon: number): Explanation | undefined {
  const { of, count } = featureSlices(observations[0].x.shape, features);
  const parts = observations.map(({ x }) => normalized(x, { axes, form }, epsilon));
  const slopes = new Float64Array(count);
  const offsets = new Float64Array(count);
  let stage = 0;
  for (let feature = 0; feature < count; feature++) {
    const pick = (values: readonly Float64Array[]): number[] => values.flatMap((v) => Array.from(v).filter((_, i) => of[i] === feature));
    const y = pick(observations.map((o) => o.y));
    const values = pick(parts.map((p) => p.values));
    const plain = regress(y, [y.map(() => 1), values]);
    [offsets[feature], slopes[feature]] = plain.weights;
    if (plain.remainders[0] <= UNEXPLAINED) continue;
    if (form === 'absolute') return undefined;
    const { remainders } = regress(y, [y.map(() => 1), values, pick(parts.map((p) => p.deviation)), pick(parts.map((p) => p.mean))]);
    if (remainders[2] > UNEXPLAINED) return undefined;
    stage = Math.max(stage, remainders[1] <= UNEXPLAINED ? 1 : 2);
  }
  return { axes, form, extra: stage === 0 ? undefined : stage === 1 ? 'deviation' : 'mean', slopes, offsets };
}

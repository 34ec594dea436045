/** Gradients of training against finite differences of what it computes. */
import type { Dense } from '../../graph/index.ts';
import { moved } from './affine.ts';
import { dot, momentsOf, slicesOf } from './arrays.ts';
import type { Examination } from './examination.ts';
import { featureSlices, normalized } from './statistics.ts';
import { errorText } from './subject.ts';
import { directions } from './training.ts';
import { words } from './words.ts';

const STEP = 1e-4;
/** Truncation and rounding of the differences stay far below; a wrong formula is off by percents. */
const TOLERANCE = 1e-4;
const TRIALS = 3;

/** Gradients of x and of every parameter, along random directions, and of the gradient of x in turn. */
export function checkGradients(examination: Examination): void {
  const { subject, batches: [x], state, report } = examination;
  const weights: Dense = { shape: x.shape, data: directions(x.data.length, 1) };
  const params = [...subject.params];
  let gradients: Float64Array[];
  try {
    gradients = subject.gradients(x, weights, params.map(([, param]) => param), state);
  } catch (error) {
    return report(words.gradientFails(errorText(error)));
  }
  const loss = (at: Dense, by = state): number => dot(subject.run(at, 'train', by).y, weights.data);
  const error = worst(gradients[0], (d) => slope((step) => loss(shifted(x, d, step))));
  if (!(error < TOLERANCE)) report(words.gradient('x', error, constantPart(examination, weights.data, gradients[0])));
  params.forEach(([name, param], i) => {
    const off = worst(gradients[i + 1], (d) => slope((step) => loss(x, moved(state, param, step, d))));
    if (!(off < TOLERANCE)) report(words.gradient(name, off, undefined));
  });
  if (error < TOLERANCE) checkSecond(examination, weights);
}

function checkSecond({ subject, batches: [x], state, report }: Examination, weights: Dense): void {
  const probe: Dense = { shape: x.shape, data: directions(x.data.length, 2) };
  try {
    const [second] = subject.gradients(x, weights, [], state, probe);
    const error = worst(second, (d) => slope((step) => dot(subject.gradients(shifted(x, d, step), weights, [], state)[0], probe.data)));
    if (!(error < TOLERANCE)) report(words.secondGradient(`is off by ${Number((100 * error).toPrecision(3))} %`));
  } catch (error) {
    report(words.secondGradient(`cannot be computed (${errorText(error)})`));
  }
}

/** The largest error along a few directions, relative to what a gradient of this size can give. */
function worst(gradient: Float64Array, difference: (direction: Float64Array) => number): number {
  const size = Math.sqrt(dot(gradient, gradient)) + 1e-9;
  return Array.from({ length: TRIALS }, (_, trial) => {
    const direction = directions(gradient.length, 10 + trial);
    const expected = difference(direction);
    const error = Math.abs(dot(gradient, direction) - expected) / Math.max(Math.abs(expected), 0.3 * size);
    return Number.isNaN(error) ? Infinity : error;
  }).reduce((a, b) => Math.max(a, b), 0);
}

function slope(value: (step: number) => number): number {
  return (value(STEP) - value(-STEP)) / (2 * STEP);
}

function shifted({ shape, data }: Dense, direction: Float64Array, step: number): Dense {
  return { shape, data: data.map((value, i) => value + step * direction[i]) };
}

/** What a wrong gradient leaves out: tried against the formulas that forget one of the ways. */
function constantPart({ batches: [x], explanation, features }: Examination, weights: Float64Array, got: Float64Array): string | undefined {
  if (explanation?.form !== 'standardize' || explanation.extra) return undefined;
  const { values, deviation } = normalized(x, explanation, features.epsilon);
  const feature = featureSlices(x.shape, features.axes).of;
  const slices = slicesOf(x.shape, explanation.axes);
  const g = weights.map((w, i) => w * explanation.slopes[feature[i]]);
  const mean = momentsOf(g, slices).mean;
  const along = momentsOf(g.map((v, i) => v * values[i]), slices).mean;
  const like = (value: (i: number) => number): boolean => {
    const expected = got.map((_, i) => value(i) / deviation[i]);
    const error = got.map((v, i) => v - expected[i]);
    return dot(error, error) < 1e-4 * dot(expected, expected);
  };
  if (like((i) => g[i])) return 'mean and variance';
  if (like((i) => g[i] - mean[slices.of[i]])) return 'the variance';
  return like((i) => g[i] - values[i] * along[slices.of[i]]) ? 'the mean' : undefined;
}

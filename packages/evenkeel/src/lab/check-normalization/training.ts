/** What training computes: which axes, which form, and whether it keeps to its own sample. */
import { RandomStream, sameShape } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { deviationParams } from './affine.ts';
import { axesInWords } from './options.ts';
import type { Examination } from './examination.ts';
import { explain } from './statistics.ts';
import type { Explanation, Form, Observation } from './statistics.ts';
import { words } from './words.ts';

/** Finds the explanation of training, and says where it is not the expected one. @returns false if the output cannot be looked at */
export function checkTraining(examination: Examination): boolean {
  const { subject, expected, batches, state, features, report } = examination;
  const runs = batches.map((x) => subject.run(x, 'train', state));
  if (!sameShape(runs[0].shape, expected.shape)) {
    report(words.outputShape(runs[0].shape, expected.shape));
    return false;
  }
  const observations: Observation[] = runs.map(({ y }, i) => ({ x: batches[i], y }));
  if (observations.some(({ y }) => !y.every(Number.isFinite))) {
    report(words.outputNotFinite('train'));
    return false;
  }
  const form: Form = expected.centered ? 'standardize' : 'rms';
  const found = explain(observations, { axes: expected.axes, form }, features.axes, features.epsilon);
  const clean = found?.form === form && !found.extra;
  if (!clean && found?.form !== 'absolute' && byRunning(examination)) report(words.usesRunning());
  else {
    examination.explanation = found && withEstimator(examination, found);
    judge(examination, examination.explanation);
  }
  return true;
}

function judge(examination: Examination, found: Explanation | undefined): void {
  const { expected, report } = examination;
  if (!found) return report(words.unrecognized(expected.name));
  if (found.slopes.every((slope) => Math.abs(slope) < 1e-9)) return report(words.constant());
  if (found.form === 'absolute') return report(byRunning(examination) ? words.usesRunning() : words.notNormalized());
  examination.facts = { ...examination.facts, axes: found.axes };
  const over = (axes: readonly number[]): string => axesInWords(axes, expected.channelAxis);
  if (found.axes.join() !== expected.axes.join()) report(words.axes(over(found.axes), over(expected.axes), expected.axes));
  if (found.extra) report(words.extra(found.extra, found.extra === 'deviation' ? deviationParams(examination) : []));
  if (found.unbiased) report(words.unbiased(valuesIn(found.axes, expected.shape)));
  judgeForm(found.form, examination);
}

/** Slopes that are all sqrt((n - 1) / n) of a parameter, or of 1, come from a variance over n - 1. */
function withEstimator({ subject, state, expected }: Examination, found: Explanation): Explanation {
  if (found.form !== 'standardize' || found.extra) return found;
  const count = valuesIn(found.axes, expected.shape);
  const share = Math.sqrt((count - 1) / count);
  const factors = [Float64Array.of(1), ...[...subject.params.values()].map((param) => state.get(param)!)];
  const unbiased = factors.some((factor) => (factor.length === 1 || factor.length === found.slopes.length)
    && found.slopes.every((slope, i) => Math.abs(slope / factor[i % factor.length] - share) < 0.1 * (1 - share)));
  return unbiased ? { ...found, unbiased, slopes: found.slopes.map((slope) => slope / share) } : found;
}

function valuesIn(axes: readonly number[], shape: Shape): number {
  return axes.reduce((count, axis) => count * shape[axis], 1);
}

function judgeForm(form: Form, { expected, report }: Examination): void {
  switch (form) {
    case 'standardize': return expected.centered ? undefined : report(words.centered());
    case 'rms':
    case 'uncentered': return expected.centered ? report(words.notCentered(form)) : undefined;
    case 'center': return report(words.notScaled());
    case 'variance': return report(words.byVariance());
    case 'absolute': return undefined;
    default: return form satisfies never;
  }
}

/** True if the output of training changes with state that is not trained. */
function byRunning({ subject, batches: [x], state }: Examination): boolean {
  const before = subject.run(x, 'train', state).y;
  const buffers = [...state].filter(([ref]) => ![...subject.params.values()].some((param) => param === ref));
  const other = new Map([...state, ...buffers.map(([ref, values]) => [ref, values.map((v) => v + 1)] as const)]);
  return subject.run(x, 'train', other).y.some((value, i) => value !== before[i]);
}

/** For layers that treat each sample by itself: the other samples must not matter, nor the mode. */
export function checkPerSample({ subject, batches: [x, other], state, report }: Examination): void {
  const size = x.data.length / x.shape[0];
  const swapped = other.data.slice();
  swapped.set(x.data.subarray(0, size));
  const alone = subject.run(x, 'train', state).y.subarray(0, size);
  const beside = subject.run({ shape: x.shape, data: swapped }, 'train', state).y.subarray(0, size);
  const change = alone.reduce((most, value, i) => Math.max(most, Math.abs(value - beside[i])), 0);
  if (change > 0) report(words.mixesSamples(change));
  if (subject.failures.has('eval')) return;
  const evaluated = subject.run(x, 'eval', state).y.subarray(0, size);
  if (evaluated.some((value, i) => value !== alone[i])) report(words.modeDependent());
}

/** Numbers in -1 .. 1 of a fixed draw. */
export function directions(size: number, seed: number): Float64Array {
  const random = new RandomStream(seed, 'directions');
  return Float64Array.from({ length: size }, () => 2 * random.uniform() - 1);
}

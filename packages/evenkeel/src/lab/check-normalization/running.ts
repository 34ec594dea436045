/** Running statistics: do they follow the batches, with which weight, and does evaluation use them. */
import type { Dense } from '../../graph/index.ts';
import type { Ref } from '../../tensor/index.ts';
import { isAffine } from './affine.ts';
import { difference, momentsOf, slicesOf } from './arrays.ts';
import type { Examination } from './examination.ts';
import { axesInWords } from './options.ts';
import { explain } from './statistics.ts';
import type { State } from './subject.ts';
import { words } from './words.ts';

/** A ref that moves as old * (its value) + now * (a statistic of the batch). */
interface Follower {
  readonly name: string;
  readonly ref: Ref;
  readonly statistic: Statistic;
  readonly old: number;
  readonly now: number;
}

type Statistic = 'mean' | 'variance' | 'unbiased variance' | 'deviation' | 'unbiased deviation' | 'mean square';

/** Updates before the weight is measured where it changes from step to step (debiased and cumulative averages). */
const ADVANCE = 40;

/** What training does to the state. @returns the followers of mean and variance */
export function checkUpdates(examination: Examination): readonly Follower[] {
  const { subject, batches: [x], state, report } = examination;
  const { next } = subject.run(x, 'train', state);
  const names = [...subject.refs].filter(([, ref]) => next.has(ref)).map(([name]) => name);
  const kept = [...subject.refs].filter(([name, ref]) => !next.has(ref) && !subject.params.has(name)).map(([name]) => name);
  for (const name of names) if (subject.params.has(name)) report(words.trainableStatistics(name));
  if (names.length === 0) {
    report(words.neverUpdated(kept));
    return [];
  }
  const counted = [...next.keys()].some((ref) => ref.size === 1);
  const followers = followersOf(examination, counted ? advanced(examination) : state);
  const [mean, variance] = [followers.find((f) => f.statistic === 'mean'), followers.find((f) => f.statistic !== 'mean' && f.statistic !== 'mean square')];
  if (!mean && examination.expected.centered) report(words.followsNothing(names, 'mean'));
  if (!variance) report(words.followsNothing(names, 'variance'));
  const estimator = variance && (variance.statistic.startsWith('unbiased') ? 'unbiased' : 'population');
  examination.facts = { ...examination.facts, decay: (mean ?? variance)?.old, estimator };
  for (const follower of [mean, variance]) if (follower) judgeWeights(follower, counted, examination);
  return followers;
}

function judgeWeights({ name, old, now }: Follower, counted: boolean, { expected, report }: Examination): void {
  if (Math.abs(old + now - 1) > 1e-3) return report(words.notAverage(name, old, now));
  const wanted = expected.decay;
  const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-3;
  if (wanted === undefined ? old < 0.5 && !counted : near(old, 1 - wanted) && !near(old, wanted)) return report(words.wrongSide(name, old, wanted));
  if (wanted !== undefined && !near(old, wanted)) report(words.decay(name, old, wanted));
}

/** A state some steps later, so that counters have grown. */
function advanced({ subject, batches, state }: Examination): State {
  let now = new Map(state);
  for (let step = 0; step < ADVANCE; step++) now = new Map([...now, ...subject.run(batches[step % batches.length], 'train', now).next]);
  return now;
}

function followersOf({ subject, batches: [x], expected, explanation }: Examination, state: State): Follower[] {
  const { next } = subject.run(x, 'train', state);
  const axes = [expected.axes, ...(explanation ? [explanation.axes] : [])];
  const statistics = axes.map((list) => statisticsOf(x, list));
  return [...subject.refs].flatMap(([name, ref]) => {
    const after = next.get(ref);
    const before = state.get(ref);
    if (!after || !before) return [];
    const fits = statistics.flatMap((list) => list.flatMap(([statistic, values]) => {
      const weights = values.length === after.length ? mixture(before, values, after) : undefined;
      return weights ? [{ name, ref, statistic, ...weights }] : [];
    }));
    const average = fits.find(({ old, now }) => Math.abs(old + now - 1) < 1e-6);
    return average ?? fits[0] ? [average ?? fits[0]] : [];
  });
}

function statisticsOf(x: Dense, axes: readonly number[]): (readonly [Statistic, Float64Array])[] {
  const slices = slicesOf(x.shape, axes);
  const { mean, variance } = momentsOf(x.data, slices);
  const count = x.data.length / slices.count;
  const unbiased = variance.map((v) => (v * count) / (count - 1));
  return [['mean', mean], ['variance', variance], ['unbiased variance', unbiased], ['deviation', variance.map(Math.sqrt)],
    ['unbiased deviation', unbiased.map(Math.sqrt)], ['mean square', variance.map((v, i) => v + mean[i] ** 2)]];
}

/** old and now with after = old * before + now * statistic, if there are such. */
function mixture(before: Float64Array, statistic: Float64Array, after: Float64Array): { readonly old: number; readonly now: number } | undefined {
  let [bb, bs, ss, ba, sa] = [0, 0, 0, 0, 0];
  before.forEach((b, i) => {
    const [s, a] = [statistic[i], after[i]];
    [bb, bs, ss, ba, sa] = [bb + b * b, bs + b * s, ss + s * s, ba + b * a, sa + s * a];
  });
  const determinant = bb * ss - bs * bs;
  const [old, now] = [(ba * ss - sa * bs) / determinant, (sa * bb - ba * bs) / determinant];
  const explained = difference(before.map((b, i) => old * b + now * statistic[i]), after) < 1e-6;
  return explained && Math.abs(now) > 1e-6 ? { old, now } : undefined;
}

/** What evaluation computes, and by what. */
export function checkEvaluation(examination: Examination, followers: readonly Follower[]): void {
  const { subject, batches, state, features, expected, report } = examination;
  const runs = batches.map((x) => subject.run(x, 'eval', state));
  const moving = [...subject.refs].filter(([, ref]) => runs[0].next.has(ref)).map(([name]) => name);
  if (moving.length > 0) report(words.evaluationUpdates(moving));
  if (runs.some(({ y }) => !y.every(Number.isFinite))) return report(words.outputNotFinite('eval'));
  const observations = runs.map(({ y }, i) => ({ x: batches[i], y }));
  const found = explain(observations, { axes: [], form: 'absolute' }, features.axes, features.epsilon);
  if (found && found.form !== 'absolute') return report(words.trainEqualsEval(axesInWords(found.axes, expected.channelAxis), found.axes.includes(0)));
  const kept = [...subject.refs].filter(([name, ref]) => !subject.params.has(name) && ref.size > 1 && !isAffine(name)).map(([name]) => name);
  const running = followers.length > 0 ? followers.map((f) => f.name) : kept;
  const read = running.filter((name) => changes(examination, subject.refs.get(name)!));
  if (read.length === 0) return report(words.ignoresRunning(running));
  if (!found) return report(words.evaluationFormula('is not a factor and an offset for each channel'));
  // Batch renormalization evaluates by a variance that it computes of a running deviation.
  if (readsAnother(examination, followers)) return;
  judgeFormula(examination, followers, found.slopes, found.offsets);
}

/** Compares with factor and offset of training, applied to running mean and variance. */
function judgeFormula({ expected, features, facts, explanation, state, report }: Examination, followers: readonly Follower[], slopes: Float64Array, offsets: Float64Array): void {
  const [mean, variance] = [followers.find((f) => f.statistic === 'mean'), followers.find((f) => f.statistic !== 'mean')];
  if (!mean || !variance || explanation?.form !== 'standardize' || explanation.extra || !expected.centered) return;
  const [m, v] = [state.get(mean.ref)!, state.get(variance.ref)!];
  if (m.length !== slopes.length || v.length !== slopes.length) return;
  const by = (divisor: (variance: number) => number, center: Float64Array, spread: Float64Array): boolean => {
    const expectedSlopes = explanation.slopes.map((a, i) => a / divisor(spread[i]));
    const expectedOffsets = explanation.offsets.map((b, i) => b - expectedSlopes[i] * center[i]);
    return difference(slopes, expectedSlopes) < 1e-2 && difference(offsets, expectedOffsets) < 1e-2;
  };
  const root = (value: number): number => Math.sqrt(value + (facts.epsilon ?? features.epsilon));
  const plain = (value: number): number => value;
  if (by(variance.statistic.includes('deviation') ? plain : root, m, v)) return;
  report(words.evaluationFormula(
    by(plain, m, v) ? `divides by ${variance.name} itself, not by its root`
      : by(root, m, v) ? `takes the root of ${variance.name}, which follows the deviation, not the variance`
      : by(root, v, m) ? `takes ${variance.name}, which follows the variance, for the mean, and ${mean.name}, which follows the mean, for the variance`
        : by(root, m.map(() => 0), v) ? `does not subtract ${mean.name}`
          : `is not (x - ${mean.name}) / sqrt(${variance.name} + epsilon) with the factor and offset of training`));
}

/** Whether evaluation reads moving state that follows no statistic by itself, in place of a follower. */
function readsAnother(examination: Examination, followers: readonly Follower[]): boolean {
  const { subject, batches: [x], state } = examination;
  if (followers.every(({ ref }) => changes(examination, ref))) return false;
  const moving = [...subject.run(x, 'train', state).next.keys()].filter((ref) => !followers.some((follower) => follower.ref === ref));
  return moving.some((ref) => changes(examination, ref));
}

function changes({ subject, batches: [x], state }: Examination, ref: Ref): boolean {
  const before = subject.run(x, 'eval', state).y;
  const values = state.get(ref) ?? Float64Array.from(ref.variable.peek());
  return subject.run(x, 'eval', new Map([...state, [ref, values.map((v) => v + 1)]])).y.some((value, i) => value !== before[i]);
}

/** Buffers that nothing reads and nothing writes; running statistics that never move are not said twice. */
export function checkUnused({ subject, batches: [x], state, report, reported }: Examination): void {
  for (const [name, ref] of subject.refs) {
    if (subject.params.has(name) || ref.size < 2 || (reported('never-updated') && !isAffine(name))) continue;
    const modes = (['train', 'eval'] as const).filter((mode) => !subject.failures.has(mode));
    const used = modes.some((mode) => {
      const before = subject.run(x, mode, state);
      if (before.next.has(ref)) return true;
      const values = state.get(ref)!.map((v) => v + 1);
      return subject.run(x, mode, new Map([...state, [ref, values]])).y.some((value, i) => value !== before.y[i]);
    });
    if (!used && modes.length > 0) report(words.unusedState(name));
  }
}

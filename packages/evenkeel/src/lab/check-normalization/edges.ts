/** Inputs at the edge: one value, other batch sizes, equal values, values far from zero, NaN; and a frozen layer. */
import { Fault } from '../../base/index.ts';
import type { Dense } from '../../graph/index.ts';
import { slicesOf, SPREAD, variedBatch } from './arrays.ts';
import type { Examination } from './examination.ts';
import { featureSlices, normalized } from './statistics.ts';
import { errorText } from './subject.ts';
import { directions } from './training.ts';
import { words } from './words.ts';

/** Everything about inputs that training rarely sees. */
export function checkEdges(examination: Examination): void {
  checkBatchSizes(examination);
  checkEpsilon(examination);
  checkConstant(examination);
  checkFarFromZero(examination);
  if (!examination.expected.batch) return;
  if (examination.facts.axes?.join() === examination.expected.axes.join()) checkOneValue(examination);
  checkNotFinite(examination);
  checkFrozen(examination);
}

function checkBatchSizes({ subject, expected: { shape }, state, report }: Examination): void {
  for (const samples of [shape[0] + 1, Math.max(2, shape[0] - 3)]) {
    for (const mode of ['train', 'eval'] as const) {
      if (subject.failures.has(mode)) continue;
      try {
        subject.run(variedBatch([samples, ...shape.slice(1)], 50), mode, state);
      } catch (error) {
        report(words.batchSize(samples, shape[0], mode, errorText(error)));
      }
    }
  }
}

/** One value per channel: a refusal is right. */
function checkOneValue({ subject, expected: { shape, channelAxis }, state, report }: Examination): void {
  const single = variedBatch(shape.map((extent, axis) => (axis === channelAxis ? extent : 1)), 51);
  try {
    const { y, next } = subject.run(single, 'train', state);
    const broken = [...subject.refs].filter(([, ref]) => next.get(ref)?.some((value) => !Number.isFinite(value))).map(([name]) => name);
    if (broken.length > 0) return report(words.oneValue(`${broken.join(' and ')} become NaN or infinite`, true));
    const quiet = `its output is the offset, whatever the input${next.size > 0 ? ', and the running variance moves towards 0' : ''}`;
    report(words.oneValue(y.every(Number.isFinite) ? quiet : 'its output is NaN or infinite', false));
  } catch (error) {
    if (!(error instanceof Fault)) report(words.oneValue(`it stops with ${errorText(error)}`, false));
  }
}

/** All values that are normalized together equal. */
function checkConstant({ subject, batches: [x], expected, explanation, state, report, reported }: Examination): void {
  const { of } = slicesOf(x.shape, explanation?.axes ?? expected.axes);
  const flat: Dense = { shape: x.shape, data: x.data.map((value, i) => (of[i] === 0 ? 0 : value)) };
  if (!subject.run(flat, 'train', state).y.every(Number.isFinite)) return report(words.noEpsilon('the output'));
  if (reported('epsilon-outside')) return;
  const weights: Dense = { shape: x.shape, data: directions(x.data.length, 1) };
  try {
    if (!subject.gradients(flat, weights, [], state)[0].every(Number.isFinite)) report(words.noEpsilon('the gradient'));
  } catch {
    // Said by the check of gradients.
  }
}

/** Measures epsilon on values so small that it decides. */
function checkEpsilon(examination: Examination): void {
  const { subject, batches: [x], expected, explanation, features, state, report } = examination;
  if (!explanation || explanation.extra || (explanation.form !== 'standardize' && explanation.form !== 'rms')) return;
  const small: Dense = { shape: x.shape, data: x.data.map((value) => (1e-3 / SPREAD) * value) };
  const { y } = subject.run(small, 'train', state);
  const { of } = featureSlices(x.shape, features.axes);
  const { values, deviation } = normalized(small, explanation, 0);
  const guesses: { readonly inside: number; readonly outside: number }[] = [];
  y.forEach((value, i) => {
    if (!(Math.abs(values[i]) > 0.1)) return;
    const ratio = (explanation.slopes[of[i]] * values[i]) / (value - explanation.offsets[of[i]]);
    const length = explanation.form === 'rms' ? Math.abs(small.data[i] / values[i]) : deviation[i];
    if (Number.isFinite(ratio)) guesses.push({ inside: length ** 2 * (ratio ** 2 - 1), outside: length * (ratio - 1) });
  });
  const [inside, outside] = [around(guesses.map((guess) => guess.inside)), around(guesses.map((guess) => guess.outside))];
  if (!inside || !outside) return;
  if (outside.middle > 1e-9 && outside.spread < 0.01 && inside.spread > 0.05) return report(words.epsilonOutside(outside.middle));
  const epsilon = inside.middle;
  examination.facts = { ...examination.facts, epsilon: Math.abs(epsilon) < 1e-9 ? 0 : epsilon };
  const off = expected.epsilon === undefined ? epsilon > 0.011 : Math.abs(epsilon - expected.epsilon) > 0.1 * expected.epsilon + 1e-8;
  if (off) report(words.epsilon(epsilon, expected.epsilon));
}

/** The median, and how far the middle four fifths are apart as a share of it. */
function around(values: readonly number[]): { readonly middle: number; readonly spread: number } | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))];
  return sorted.length > 0 ? { middle: at(0.5), spread: Math.abs((at(0.9) - at(0.1)) / at(0.5)) } : undefined;
}

/** The same values far away: f64 at 1e8 deviations loses what f32 loses at 1e3. */
function checkFarFromZero({ subject, batches: [x], explanation, facts, features, state, report }: Examination): void {
  if (explanation?.form !== 'standardize' || explanation.extra) return;
  const far: Dense = { shape: x.shape, data: x.data.map((value) => value / SPREAD + 1e8) };
  const { y } = subject.run(far, 'train', state);
  const { of } = featureSlices(x.shape, features.axes);
  const { values } = normalized(far, explanation, facts.epsilon ?? features.epsilon);
  let error = 0;
  y.forEach((value, i) => {
    const distance = Math.abs(value - explanation.offsets[of[i]] - explanation.slopes[of[i]] * values[i]);
    error = distance <= error ? error : Number.isNaN(distance) ? Infinity : distance;
  });
  if (error > 1e-2) report(words.cancellation(error));
}

function checkNotFinite({ subject, batches: [x], state, report }: Examination): void {
  const data = x.data.slice();
  data[0] = NaN;
  const { next } = subject.run({ shape: x.shape, data }, 'train', state);
  const names = [...subject.refs].filter(([, ref]) => next.get(ref)?.some(Number.isNaN)).map(([name]) => name);
  if (names.length > 0) report(words.poisoned(names));
}

/** The layer is frozen for one trace, then everything is as it was. */
function checkFrozen({ subject, batches: [x], state, report }: Examination): void {
  const { layer } = subject;
  if (layer.frozen) return;
  const trainable = [...subject.params.values()].map((param) => [param, param.trainable] as const);
  layer.freeze();
  try {
    const { next } = subject.run(x, 'train', state);
    const names = [...subject.refs].filter(([, ref]) => next.has(ref)).map(([name]) => name);
    if (names.length > 0) report(words.frozenMoves(names));
  } finally {
    layer.unfreeze();
    for (const [param, wanted] of trainable) param.trainable = wanted;
  }
}

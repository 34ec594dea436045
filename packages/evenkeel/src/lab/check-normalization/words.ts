/** What is wrong with a layer, in words: one function per code. */
import { formatShape } from '../../base/index.ts';
import type { Mode } from '../../runtime/index.ts';
import type { NormalizationFinding } from './report.ts';
import { number } from './report.ts';

const fault = (code: string, message: string, fix: string): NormalizationFinding => ({ code, severity: 'fault', message, fix });
const warning = (code: string, message: string, fix: string): NormalizationFinding => ({ code, severity: 'warning', message, fix });
const list = (names: readonly string[]): string => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`);
const inMode = (mode: Mode): string => (mode === 'train' ? 'training' : 'evaluation');

export const words = {
  /** It cannot run. */
  fails: (mode: Mode, text: string): NormalizationFinding =>
    fault('fails', `${inMode(mode)} stops with ${text}`, `make forward work in a step of mode '${mode}'; nothing else about ${inMode(mode)} could be checked`),
  /** Another shape comes out. */
  outputShape: (got: readonly number[], expected: readonly number[]): NormalizationFinding =>
    fault('output-shape', `an input ${formatShape(expected)} gives an output ${formatShape(got)}`,
      'keep the shape; reduce with { keepDims: true } so that statistics broadcast to x'),
  /** NaN or infinity from ordinary values. */
  outputNotFinite: (mode: Mode): NormalizationFinding =>
    fault('output-not-finite', `${inMode(mode)} makes NaN or infinity of ordinary values`, 'compile a step with { debug: true } to see which op makes it'),

  /** A factor or offset of another size than the channels. */
  size: (name: string, size: number, features: number): NormalizationFinding =>
    fault('param-size', `${name} has ${size} values, the normalized values have ${features} channels`,
      `make it in setup(x) with one value for each channel: x.shape[axis], here ${features}`),
  /** A factor that starts at random. */
  scaleStart: (name: string, low: number, high: number): NormalizationFinding =>
    fault('scale-start', `the factor ${name} starts at ${number(low)} .. ${number(high)}, different for every channel`,
      'start it at 1 (init.ones()), so that the layer normalizes at first; 0 only for the last one of a residual branch'),
  /** An offset that does not start at 0. */
  shiftStart: (name: string): NormalizationFinding => fault('shift-start', `the offset ${name} does not start at 0`, 'start it with init.zeros()'),
  /** A running variance that starts at 0. */
  varianceStart: (name: string): NormalizationFinding =>
    warning('variance-start', `the running variance ${name} starts at 0: evaluation before training divides by the root of epsilon alone`, 'start it at 1'),

  /** Training does not depend on statistics of the input. */
  notNormalized: (): NormalizationFinding =>
    fault('not-normalized', 'training applies the same factors and offsets to every batch: it does not normalize',
      'compute mean and variance of x in training, for example moments(x, axes, { keepDims: true })'),
  /** Training does what nobody recognizes. */
  unrecognized: (expected: string): NormalizationFinding =>
    fault('unrecognized', `no mean and variance over any axes explain what training computes; expected was ${expected}`,
      'check it without activation and dropout; compare a small input by hand with (x - mean) / sqrt(variance + epsilon)'),
  /** Statistics over other axes. */
  axes: (found: string, expected: string, axes: readonly number[]): NormalizationFinding =>
    fault('wrong-axes', `statistics are taken over ${found}, expected was ${expected}`,
      `reduce over the axes ${formatShape(axes)}: everything but what has statistics of its own`),
  /** The mean stays. */
  notCentered: (form: 'rms' | 'uncentered'): NormalizationFinding =>
    fault('not-centered', `the mean is not subtracted: the output is x / sqrt(${form === 'rms' ? 'mean(x^2)' : 'variance'} + epsilon)`,
      'use (x - mean); or check it with { centered: false } if that is meant'),
  /** Centered although it should not be. */
  centered: (): NormalizationFinding =>
    fault('centered', 'the mean is subtracted, although { centered: false } was expected', 'divide x itself by sqrt(mean(x^2) + epsilon)'),
  /** The deviation stays. */
  notScaled: (): NormalizationFinding =>
    fault('not-scaled', 'the mean is subtracted, but nothing divides by the deviation', 'divide by sqrt(variance + epsilon)'),
  /** Divided by the square of what it should be. */
  byVariance: (): NormalizationFinding =>
    fault('divides-by-variance', 'the output is divided by the variance, not by its root: it is not invariant to the scale of x',
      'divide by sqrt(variance + epsilon)'),
  /** The estimator of the running variance, in the wrong place. */
  unbiased: (count: number): NormalizationFinding =>
    fault('unbiased-training', `training divides by the unbiased deviation (of ${count} - 1 values): its outputs are ${number(100 * (1 - Math.sqrt((count - 1) / count)))} % too small`,
      'normalize by the population variance, moments(x, axes).variance; the unbiased one is for the running variance alone'),
  /** Something of the statistics is added again. */
  extra: (what: 'deviation' | 'mean', names: readonly string[]): NormalizationFinding =>
    fault('adds-statistics',
      `a multiple of the batch's ${what} is added to the normalized values${names.length > 0 ? `, by ${list(names)}` : ''}: the output still depends on the scale of x`,
      names.length > 0 ? `multiply by ${names[0]} instead of adding it: y = ${names[0]} * (x - mean) / sqrt(variance + epsilon) + shift` : 'add nothing but a trained offset'),
  /** A dead output. */
  constant: (): NormalizationFinding =>
    fault('constant-output', 'the output is the same for every input', 'start the factor at 1, and normalize over more than one value'),

  /** A factor that is added. */
  scaleAsOffset: (name: string, deviation: boolean): NormalizationFinding =>
    fault('scale-as-offset', `${name} is added${deviation ? " (times the batch's deviation)" : ''}, never multiplied: no channel can be scaled`,
      `multiply the normalized values by ${name}`),
  /** An offset that is multiplied. */
  shiftAsScale: (name: string): NormalizationFinding =>
    fault('shift-as-scale', `${name} multiplies the normalized values, it is not added`, `add ${name} after the factor`),
  /** A parameter that does nothing. */
  unusedParam: (name: string): NormalizationFinding =>
    fault('unused-param', `${name} has no influence on the output of training: it would never learn`, 'use it in forward, or do not make it'),
  /** A buffer that does nothing. */
  unusedState: (name: string): NormalizationFinding => warning('unused-state', `${name} is neither read nor written in any mode`, 'remove it'),
  /** Running statistics that an optimizer sees. */
  trainableStatistics: (name: string): NormalizationFinding =>
    fault('trainable-statistics', `${name} is a parameter, but it holds running statistics: weight decay would shrink it, and it counts as trained`,
      `make it a buffer: this.buffer('${name}', shape, value)`),

  /** Nothing moves in training. */
  neverUpdated: (names: readonly string[]): NormalizationFinding => names.length > 0
    ? fault('never-updated', `training never changes ${list(names)}`,
      'assign them in training: running.assign(running.value.mul(decay).add(batch.mul(1 - decay)))')
    : fault('never-updated', 'the layer keeps no running statistics, which evaluation needs',
      'make buffers for mean and variance in setup, and move them in training'),
  /** State that follows no statistic. */
  followsNothing: (names: readonly string[], missing: 'mean' | 'variance'): NormalizationFinding =>
    fault(`no-running-${missing}`,
      `no running average of the ${missing}: ${names.length > 0 ? `${list(names)} change in training, but not towards the batch's ${missing}` : 'nothing follows it'}`,
      `move a buffer of one value for each channel: next = decay * old + (1 - decay) * ${missing}, over the axes that training normalizes over`),
  /** Old and new weights exchanged. */
  wrongSide: (name: string, old: number, expected: number | undefined): NormalizationFinding =>
    fault('wrong-side',
      `${name} keeps ${number(old)} of its old value and takes ${number(1 - old)} of the new one: it follows single batches${
        expected === undefined ? '' : ` (expected decay ${number(expected)})`}`,
      'exchange the weights: next = decay * old + (1 - decay) * new, with decay = 1 - momentum of PyTorch'),
  /** Another decay. */
  decay: (name: string, old: number, expected: number): NormalizationFinding =>
    fault('decay', `${name} keeps ${number(old)} of its old value, expected was ${number(expected)}`, 'next = decay * old + (1 - decay) * new'),
  /** Weights that are not an average. */
  notAverage: (name: string, old: number, now: number): NormalizationFinding =>
    fault('not-an-average', `the weights of old and new value of ${name} add up to ${number(old + now)}: it cannot settle at the statistic`,
      'let them add up to 1: decay and 1 - decay'),
  /** Evaluation moves statistics. */
  evaluationUpdates: (names: readonly string[]): NormalizationFinding =>
    fault('evaluation-updates', `evaluation changes ${list(names)}`, "assign only if currentTrace().mode === 'train'"),
  /** Evaluation like training. */
  trainEqualsEval: (axes: string, mixes: boolean): NormalizationFinding =>
    fault('train-equals-eval',
      `evaluation takes statistics of its own input over ${axes}, not the running ones${mixes ? ": a sample's output depends on the others beside it" : ''}`,
      "in evaluation (currentTrace().mode === 'eval') normalize by the running statistics"),
  /** Running statistics that nobody reads. */
  ignoresRunning: (names: readonly string[]): NormalizationFinding =>
    fault('evaluation-ignores-running', `evaluation does not depend on ${names.length > 0 ? list(names) : 'any running statistics'}: what training measured is lost`,
      'in evaluation compute (x - runningMean) / sqrt(runningVariance + epsilon)'),
  /** Running statistics read the wrong way. */
  evaluationFormula: (what: string): NormalizationFinding =>
    fault('evaluation-formula', `evaluation ${what}`, 'compute (x - runningMean) / sqrt(runningVariance + epsilon), with the factor and offset of training'),

  /** Training by running statistics. */
  usesRunning: (): NormalizationFinding =>
    fault('training-by-running', 'training normalizes by running statistics, not by those of the batch alone', 'use mean and variance of x in training'),
  /** Other samples leak in. */
  mixesSamples: (difference: number): NormalizationFinding =>
    fault('mixes-samples', `a sample's output changes by ${number(difference)} with the other samples of the batch`, 'leave axis 0 out of the statistics'),
  /** Train and eval differ. */
  modeDependent: (): NormalizationFinding =>
    fault('mode-dependent', 'training and evaluation give different outputs, although each sample is normalized by itself', 'compute the same in both modes'),

  /** A gradient that is not that of forward. */
  gradient: (of: string, error: number, guess: string | undefined): NormalizationFinding =>
    fault('gradient', `the gradient of ${of} is off by ${number(100 * error)} %${guess ? `: it treats ${guess} as constant` : ''}`,
      guess ? 'let gradients flow through mean and variance: no stopGradient on them, or the full formula in withGradient'
        : 'compare withGradient, stopGradient and custom vjps with finite differences of forward'),
  /** No gradient at all. */
  gradientFails: (text: string): NormalizationFinding =>
    fault('gradient', `training cannot be differentiated: ${text}`, 'use functions of evenkeel, or give a gradient with withGradient'),
  /** No second gradient. */
  secondGradient: (text: string): NormalizationFinding =>
    warning('second-gradient', `the gradient of the gradient of x ${text}: gradient penalties would be wrong`,
      'write the vjp of withGradient in tensor functions of x, not of values computed before'),

  /** Silence at one value per channel. */
  oneValue: (what: string, broken: boolean): NormalizationFinding =>
    (broken ? fault : warning)('one-value', `with one value per channel training does not refuse: ${what}`,
      'throw a Fault if x has a single value per channel, as batchNorm does (E311)'),
  /** Bound to a batch size. */
  batchSize: (samples: number, built: number, mode: Mode, text: string): NormalizationFinding =>
    fault('batch-size', `${inMode(mode)} of ${samples} samples fails after ${built}: ${text}`,
      'take sizes from x.shape at every call; the last batch is often smaller'),
  /** Division by 0. */
  noEpsilon: (what: string): NormalizationFinding =>
    fault('no-epsilon', `a channel of equal values makes ${what} NaN or infinite`, 'add epsilon under the root: sqrt(variance + 1e-5)'),
  /** An epsilon of another size. */
  epsilon: (got: number, expected: number | undefined): NormalizationFinding =>
    fault('epsilon', `${number(got)} is added to the variance, ${expected === undefined ? 'which shrinks ordinary values' : `expected was ${number(expected)}`}`,
      'use an epsilon of 1e-5 (PyTorch) to 1e-3 (Keras)'),
  /** An epsilon that is added to the deviation. */
  epsilonOutside: (got: number): NormalizationFinding =>
    fault('epsilon-outside', `epsilon, ${number(got)}, is added to the deviation, outside of the root: where a channel hardly varies outputs differ, and where it does not at all the gradient is not finite`,
      'add it to the variance, sqrt(variance + epsilon), as PyTorch and Keras do'),
  /** Large numbers subtracted. */
  cancellation: (error: number): NormalizationFinding =>
    warning('cancellation', `far from zero (mean / deviation 1e8, in f64) the output is off by ${number(100 * error)} %; in f32 that begins at 1e3`,
      'do not compute the variance as mean(x^2) - mean(x)^2; moments(x, axes) is safe'),
  /** One NaN stays forever. */
  poisoned: (names: readonly string[]): NormalizationFinding =>
    warning('poisoned', `one NaN in a batch makes ${list(names)} NaN for good`,
      'keep the old value where the new one is not finite: where(next.sub(next).eq(0), next, old)'),
  /** A frozen layer that moves. */
  frozenMoves: (names: readonly string[]): NormalizationFinding =>
    fault('frozen-moves', `after freeze() training still changes ${list(names)}`, 'assign only if !this.frozen'),
  /** Without one of its parts. */
  without: (part: string, text: string): NormalizationFinding =>
    fault(`without-${part}`, `without ${part} ${text}`,
      `make and use ${part === 'scale' ? 'the factor' : 'the offset'} only where the option asks for it, independent of the other one`),
};

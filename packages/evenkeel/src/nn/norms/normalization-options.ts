/** What batch normalization layers take, and their defaults. */
import type { ModuleOptions } from '../module.ts';
import type { Activation } from './activation.ts';
import { dialects } from './dialects.ts';
import type { Averaging, Dialect, Estimator } from './dialects.ts';
import { faults } from './faults.ts';
import { checkAffineOptions, checkEpsilon, checkFlag, checkKeys, refuseForeign } from './option-checks.ts';
import type { Average, UpdateRule } from './running-statistics.ts';

/** Where the statistics come from that the output is normalized by. */
export type Source = 'batch' | 'running';

/** What a batch normalization computes, learns and remembers. */
export interface NormalizationOptions extends ModuleOptions {
  /** Whose defaults decay, epsilon, estimator and debias have; default 'torch'. */
  readonly dialect?: Dialect;
  /** The channels; default -1, the last axis. 0 wants `channels` beside it, and a layer that does not tell samples apart. */
  readonly axis?: number;
  /** Extent of that axis, checked from the first input on; default: what that has. */
  readonly channels?: number;
  /** Weight of the old value in the running averages; default 0.9 (PyTorch's momentum 0.1). Keras uses 0.99. */
  readonly decay?: number;
  /** Added to the variance; default 1e-5. Keras uses 1e-3. */
  readonly epsilon?: number;
  /** What the running variance averages: default 'unbiased' as PyTorch, or 'population' as Keras. */
  readonly estimator?: Estimator;
  /** Keep the first values 0 and 1 out of the running averages; default false. Right from the first step on. */
  readonly debias?: boolean;
  /** 'exponential' (default), or 'cumulative': the mean over all steps (PyTorch's momentum None). */
  readonly average?: Average;
  /** Learn a factor for each channel; default true. */
  readonly scale?: boolean;
  /** Learn an offset for each channel; default true. */
  readonly center?: boolean;
  /** First value of the factors; default 1. 0 for the last one of a residual branch (Goyal et al. 2017), 0.1 in recurrent cells. */
  readonly initialScale?: number;
  /** Whether factors and offsets train; default true. Independent of where statistics come from, and kept by unfreeze(). */
  readonly trainAffine?: boolean;
  /** What training normalizes by: this batch's statistics (default) or the running ones. */
  readonly statistics?: Source;
  /** What evaluation (and a frozen layer) normalizes by: the running statistics (default) or the batch's own. */
  readonly evaluation?: Source;
  /**
   * How training moves the running statistics. 'once' or true: once per step, by all its uses together (merged) and never by a
   * recomputation. 'first': by the step's first use. 'each': by every use, as PyTorch and Keras do. false: not at all.
   * Default 'once', or false with `statistics: 'running'`.
   */
  readonly update?: UpdateRule | boolean;
  /** Separate running statistics by key (domains, real and fake, time steps); the first is the default. Default: one, without a name. */
  readonly keys?: readonly string[];
  /** Applied to the output in the same kernel: a name or a function; default none. */
  readonly activation?: Activation;
}

/** The options with their defaults. */
export interface NormalizationSettings extends Averaging {
  readonly axis: number;
  readonly channels: number | undefined;
  readonly average: Average;
  readonly scale: boolean;
  readonly center: boolean;
  readonly initialScale: number;
  readonly trainAffine: boolean;
  readonly statistics: Source;
  readonly evaluation: Source;
  readonly update: UpdateRule | false;
  readonly keys: readonly string[];
  /** Ranks of input that the layer takes; undefined: any from 2. */
  readonly ranks: readonly number[] | undefined;
}

/** @throws E101 for an option out of range */
export function settingsOf(op: string, options: NormalizationOptions & { readonly ranks?: readonly number[] }): NormalizationSettings {
  const { dialect = 'torch', statistics = 'batch', evaluation = 'running', update = statistics === 'batch', keys = [], average = 'exponential' } = options;
  refuseForeign(op, options);
  if (!Object.hasOwn(dialects, dialect)) throw faults.name(op, 'dialect', dialect, Object.keys(dialects));
  for (const source of [statistics, evaluation]) sourceOf(op, source);
  const rule = ruleOf(op, update);
  if (average !== 'exponential' && average !== 'cumulative') throw faults.name(op, 'average', average, ['exponential', 'cumulative']);
  const preset = dialects[dialect];
  const { decay = preset.decay, epsilon = preset.epsilon, estimator = preset.estimator, debias = preset.debias } = options;
  if (!(Number.isFinite(decay) && decay >= 0 && decay <= 1)) throw faults.option(op, 'decay', 'must be in 0 .. 1, the weight of the old value', decay, "for PyTorch's momentum m write decay: 1 - m");
  if (estimator !== 'unbiased' && estimator !== 'population') throw faults.name(op, 'estimator', estimator, ['unbiased', 'population']);
  checkEpsilon(op, epsilon);
  checkFlag(op, 'debias', debias);
  checkKeys(op, keys);
  checkAffineOptions(op, options);
  if (debias && decay === 1) throw faults.option(op, 'decay', 'must be below 1 to be debiased', decay, 'for example decay: 0.99');
  if (options.channels !== undefined && !(Number.isSafeInteger(options.channels) && options.channels >= 0)) throw faults.option(op, 'channels', 'must be a whole number', options.channels, 'for example channels: 64');
  const { axis = -1, channels, scale = true, center = true, initialScale = 1, trainAffine = true } = options;
  return {
    axis, channels, decay, epsilon, estimator, debias, average, scale, center, initialScale, trainAffine, statistics, evaluation, update: rule,
    keys: keys.length > 0 ? keys : [''], ranks: options.ranks,
  };
}

/** @throws E101 for anything but the two sources */
export function sourceOf(op: string, source: Source): Source {
  if (source === 'batch' || source === 'running') return source;
  throw faults.name(op, 'source of statistics', source, ['batch', 'running']);
}

/** The rule that `update` means. @throws E101 */
export function ruleOf(op: string, update: UpdateRule | boolean): UpdateRule | false {
  const rule = update === true ? 'once' : update;
  if (rule === false || ['once', 'first', 'each'].includes(rule)) return rule;
  throw faults.name(op, 'update rule', rule, ['once', 'first', 'each']);
}

/** Running averages of statistics, and how they move. */
import { currentTrace } from '../../runtime/index.ts';
import { where } from '../../tensor/index.ts';
import type { Buffer, Statistics, Tensor } from '../../tensor/index.ts';
import type { Averaging } from './dialects.ts';

/** What each use of a layer within one step does to the running statistics; see NormalizationOptions.update. */
export type UpdateRule = 'once' | 'first' | 'each';

/** How running statistics are averaged: exponentially, or as the plain mean of those of all steps so far. */
export type Average = 'exponential' | 'cumulative';

/** What an update needs to know. */
export interface UpdateOptions extends Averaging {
  readonly average: Average;
  readonly rule: UpdateRule;
  /** Shown in the warning about statistics that are not finite. */
  readonly name: string;
  /** The layer: the warning is given once for each. */
  readonly about: object;
}

/** What this step has taken over so far. */
interface Taken {
  readonly before: Values;
  readonly statistics: Statistics;
  readonly inputs: ReadonlySet<object>;
}

interface Values { readonly mean: Tensor; readonly variance: Tensor; readonly weight: Tensor | undefined }

/** Running mean and variance of one layer (and key). They hold usable values at any time: debiasing is done while averaging. */
export class RunningStatistics {
  readonly mean: Buffer;
  readonly variance: Buffer;
  /** Debiased: sum of the weights of all values so far. Cumulative: number of updates. */
  readonly weight: Buffer | undefined;

  constructor(mean: Buffer, variance: Buffer, weight?: Buffer) {
    this.mean = mean;
    this.variance = variance;
    this.weight = weight;
  }

  /**
   * Moves them towards the statistics of this batch, as part of the current step: all of it takes effect if the step succeeds and
   * every statistic is finite, nothing otherwise.
   * @param statistics in the shape of the buffers
   * @param input      what they are the statistics of: the same one again (a recomputation) changes nothing
   */
  update(statistics: Statistics, input: object, options: UpdateOptions): void {
    if (statistics.count === 0) return;
    const trace = currentTrace();
    const taken = options.rule === 'each' || trace.eager ? undefined : trace.notes.get(this) as Taken | undefined;
    if (taken && (options.rule === 'first' || taken.inputs.has(input))) return;
    const before = taken?.before ?? { mean: this.mean.value, variance: this.variance.value, weight: this.weight?.value };
    const all = taken ? taken.statistics.merge(statistics) : statistics;
    this.assign(before, all, options);
    if (trace.eager) return;
    trace.notes.set(this, { before, statistics: all, inputs: new Set([...taken?.inputs ?? [], input]) } satisfies Taken);
    warnUnlessFinite(statistics, options);
  }

  /** What the second buffer averages; the variance unless a subclass says otherwise. */
  protected spread(statistics: Statistics, { estimator }: Averaging): Tensor {
    return estimator === 'unbiased' ? statistics.unbiasedVariance : statistics.variance;
  }

  private assign(before: Values, statistics: Statistics, options: UpdateOptions): void {
    const { mean } = statistics;
    const variance = this.spread(statistics, options);
    const valid = takeable(statistics);
    const { rate, weight } = rateOf(before.weight, options);
    const next = (old: Tensor, now: Tensor): Tensor =>
      where(valid, rate === undefined ? old.mul(options.decay).add(now.mul(1 - options.decay)) : old.add(now.sub(old).mul(rate)), old).stopGradient();
    this.mean.assign(next(before.mean, mean));
    this.variance.assign(next(before.variance, variance));
    if (weight) this.weight!.assign(where(valid, weight, before.weight!).stopGradient());
  }
}

/** The warning, said once for each layer after a compiled step in which the statistics were not finite. */
export function warnUnlessFinite(statistics: Statistics, { name, about }: Pick<UpdateOptions, 'name' | 'about'>): void {
  const trace = currentTrace();
  if (!trace.eager) trace.warnings.push({ flag: finiteness(statistics).ne(0).node, about, text: warning(name) });
}

/** The weight of the new value where it changes from step to step, and the sum of weights after it. */
function rateOf(before: Tensor | undefined, { average, decay }: UpdateOptions): { readonly rate?: Tensor; readonly weight?: Tensor } {
  if (!before) return {};
  const weight = average === 'cumulative' ? before.add(1) : before.mul(decay).add(1 - decay);
  return { weight, rate: average === 'cumulative' ? weight.pow(-1) : weight.pow(-1).mul(1 - decay) };
}

/** One flag for all channels: finite, and of enough values. x - x is 0 for finite x alone. */
function takeable(statistics: Statistics): Tensor {
  const [finite, several] = [finiteness(statistics).eq(0), ofSeveral(statistics)];
  return several ? finite.and(several) : finite;
}

/**
 * Where a mask or domains decide how many values there are: whether each channel has more than one. Of a single one the variance says
 * nothing, and 0 would draw the running one down.
 */
export function ofSeveral({ count }: Statistics): Tensor | undefined {
  return typeof count === 'number' ? undefined : count.min().gt(1);
}

function finiteness({ mean, m2 }: Statistics): Tensor {
  return mean.sub(mean).add(m2.sub(m2)).sum();
}

function warning(name: string): string {
  return `${name}: the statistics of a batch were not finite; in such steps the running statistics keep their values. ` +
    'Look for NaN or infinity in the input, or compile the step with { debug: true } to see where it begins. (Said once for this layer.)';
}

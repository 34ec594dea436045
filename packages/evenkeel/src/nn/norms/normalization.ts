/**
 * The base of layers that standardize each channel by statistics of the batch. A layer on top of it says where the statistics come
 * from; axes, affine part, activation, running statistics, masks, keys, freezing and the checks of its input are here.
 *
 *   class Mine extends Normalization {
 *     constructor(options: NormalizationOptions = {}) { super('mine', options); }
 *     // either: other statistics, the same formula (shards, accumulation, earlier steps)
 *     protected override gather(x: Tensor, site: Site): Statistics { return Statistics.of(x, site.axes, { mask: site.mask }); }
 *     // or: another formula in training (ghost batches, renormalization); `statistics` are what moves the running ones
 *     protected override byBatch(x: Tensor, site: Site): ByBatch { ... return { y: this.apply(x, statistics, site), statistics }; }
 *   }
 *
 * - `Site` is what one call of forward found out: axes, mask, key, scale and shift, all in the shape that broadcasts to x.
 * - `gather(x, site)`: statistics of this input, reduced axes kept as 1.  `byBatch(x, site)`: output and statistics of a training
 *   step.  `byRunning(x, site)`: output by running statistics.  `apply(x, statistics, site)`: the one formula, `normalize`.
 * - `running(key)`: the RunningStatistics (buffers mean, variance) of a key; `site.wide(buffer.value)` broadcasts to x.
 * - `setup(x)`: call super.setup(x) and add buffers of your own with `this.keyed(name, shape, value)`, one for each key.
 * - `check(x, site)`: refuses one value per channel (E311); override it where a group needs more.
 * - `moves()`: whether buffers may change in this call; `follow(statistics, x, key)` changes the running statistics.
 * - Masks come as { mask } to forward, keys as { key } or withStatisticsKey; withoutUpdates and observeStatistics are heeded here.
 */
import { resolveAxis } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { bumpStructure, currentTrace } from '../../runtime/index.ts';
import { normalize, Statistics, zeros } from '../../tensor/index.ts';
import type { Buffer, MeanAndVariance, Param, Tensor } from '../../tensor/index.ts';
import { checkTensor } from '../check-tensor.ts';
import { init } from '../init.ts';
import { Module } from '../module.ts';
import { activationOf } from './activation.ts';
import { faults } from './faults.ts';
import { maskOver } from './mask.ts';
import { ruleOf, settingsOf, sourceOf } from './normalization-options.ts';
import type { NormalizationOptions, NormalizationSettings, Source } from './normalization-options.ts';
import { RunningStatistics } from './running-statistics.ts';
import type { UpdateOptions, UpdateRule } from './running-statistics.ts';
import { observer, scopedKey, updatesWanted } from './scopes.ts';

/** What one call may bring besides its input. */
export interface NormalizationCall {
  /** Which positions count in the statistics: the input's shape without channels, or with 1 there; bool, or numbers of which 0 does not count. */
  readonly mask?: Tensor;
  /** Which running statistics are meant; default: that of withStatisticsKey, else the first of the option `keys`. */
  readonly key?: string;
  /** In place of the layer's own scale; broadcasts to the input (conditional normalization). */
  readonly scale?: Tensor;
  /** In place of the layer's own shift. */
  readonly shift?: Tensor;
}

/** What a call of forward found out about its input. */
export interface Site {
  /** The channel axis, counted from the front. */
  readonly axis: number;
  /** All others. */
  readonly axes: readonly number[];
  readonly channels: number;
  readonly key: string;
  /** In the input's rank, 1 on the channel axis. */
  readonly mask: Tensor | undefined;
  readonly scale: Tensor | undefined;
  readonly shift: Tensor | undefined;
  /** [channels] in the shape that broadcasts to the input. */
  wide(perChannel: Tensor): Tensor;
}

/** The buffer of a key. */
export type Keyed = (key: string) => Buffer;

/** A training step's output, and what moves the running statistics. */
export interface ByBatch { readonly y: Tensor; readonly statistics: Statistics }

/** A layer that standardizes each channel by statistics of the batch in training, and by running ones in evaluation. */
export class Normalization extends Module {
  scale: Param | undefined;
  shift: Param | undefined;
  runningMean!: Buffer;
  runningVariance!: Buffer;
  /** All options with their defaults filled in. */
  readonly settings: NormalizationSettings;
  protected readonly op: string;
  /** Applied to the output. */
  readonly activation: (x: Tensor) => Tensor;
  private readonly runningByKey = new Map<string, RunningStatistics>();
  private source: Source;
  private rule: UpdateRule | false;

  /** @param op the layer's name in error texts, as users write it */
  constructor(op: string, options: NormalizationOptions = {}) {
    super(options);
    this.op = op;
    this.settings = settingsOf(op, options);
    this.activation = activationOf(op, options.activation);
    this.source = this.settings.statistics;
    this.rule = this.settings.update;
  }

  /** What training normalizes by. Compiled steps notice a change. @throws E101 */
  get statistics(): Source { return this.source; }
  set statistics(source: Source) {
    this.source = sourceOf(this.op, source);
    bumpStructure();
  }

  /** How training moves the running statistics; true means 'once'. Compiled steps notice a change. @throws E101 */
  get update(): UpdateRule | false { return this.rule; }
  set update(rule: UpdateRule | boolean) {
    this.rule = ruleOf(this.op, rule);
    bumpStructure();
  }

  protected override setup(x: Tensor): void {
    const channels = this.settings.channels ?? x.shape[this.axisOf(x)];
    const fans = { fanIn: channels, fanOut: channels };
    const { scale, center, initialScale, keys } = this.settings;
    if (scale) this.scale = this.param('scale', [channels], init.constant(initialScale), fans);
    if (center) this.shift = this.param('shift', [channels], init.zeros(), fans);
    const [mean, variance] = [this.keyed('runningMean', [channels], 0), this.keyed('runningVariance', [channels], this.firstVariance())];
    const weight = this.settings.debias || this.settings.average === 'cumulative' ? this.keyed('runningWeight', [], 0) : undefined;
    for (const key of keys) this.runningByKey.set(key, new RunningStatistics(mean(key), variance(key), weight?.(key)));
  }

  override describe(): string {
    return this.op;
  }

  forward(x: Tensor, call: NormalizationCall = {}): Tensor {
    const site = this.siteOf(x, call);
    const training = currentTrace().mode === 'train' && !this.frozen;
    const source = training ? this.source : this.settings.evaluation;
    const batch = source === 'batch' && this.hasBatch(x) ? this.checked(x, site) : undefined;
    // Before anything moves: running statistics are those of the steps before.
    const y = batch?.y ?? this.byRunning(x, site);
    const observed = observer();
    if (observed || this.moves()) {
      const statistics = (batch?.statistics ?? this.found(x, site)).reshape([site.channels]);
      if (observed) observed.set(this, observed.get(this)?.merge(statistics) ?? statistics);
      else this.follow(statistics, x, site.key);
    }
    return this.activation(y);
  }

  /** Running statistics of a key. @throws E314 for one that the layer was not made with */
  running(key: string = this.settings.keys[0]): RunningStatistics {
    const found = this.runningByKey.get(key);
    if (!found) throw faults.key(this.op, key, this.settings.keys.filter((known) => known !== ''));
    return found;
  }

  /** What runningVariance holds before any training. */
  protected firstVariance(): number {
    return 1;
  }

  /** A buffer for each key: that of the first is the property `name`, those of others have their key before it. For `setup`. */
  protected keyed(name: string, shape: Shape, value: number | ArrayLike<number>): Keyed {
    const made = new Map(this.settings.keys.map((key, i) => {
      const property = i === 0 ? name : `${key}.${name}`;
      const buffer = this.buffer(property, shape, value);
      Object.assign(this, { [property]: buffer });
      return [key, buffer];
    }));
    return (key) => made.get(key)!;
  }

  /** False for an input without values, whose output is empty whatever it is normalized by. */
  protected hasBatch(x: Tensor): boolean {
    return x.size > 0;
  }

  /** Statistics of this input. */
  protected gather(x: Tensor, site: Site): Statistics {
    return Statistics.of(x, site.axes, { mask: site.mask });
  }

  /** A step that normalizes by its own batch. */
  protected byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    return { y: this.apply(x, statistics, site), statistics };
  }

  /** By what was learned of the batches before. */
  protected byRunning(x: Tensor, site: Site): Tensor {
    const { mean, variance } = this.running(site.key);
    return this.apply(x, { mean: site.wide(mean.value), variance: site.wide(variance.value) }, site);
  }

  /** (x - mean) * scale / sqrt(variance + epsilon) + shift. */
  protected apply(x: Tensor, statistics: MeanAndVariance, { scale, shift }: Site): Tensor {
    return normalize(x, statistics, { scale, shift, epsilon: this.settings.epsilon });
  }

  /** @throws E311 where there is nothing to take a variance of */
  protected check(x: Tensor, site: Site): void {
    if (x.size === site.channels) throw faults.oneValue(this.op, x.shape);
  }

  /** Whether the layer needs the samples on axis 0; others take the channels there too. */
  protected tellsSamples(): boolean {
    return false;
  }

  protected override trains(): boolean {
    return this.settings.trainAffine;
  }

  /** Whether this call may change what the layer remembers: in training, unless frozen, switched off or recomputing. */
  protected moves(): boolean {
    return currentTrace().mode === 'train' && !this.frozen && this.rule !== false && updatesWanted();
  }

  /** Takes the statistics of a training step over. */
  protected follow(statistics: Statistics, x: Tensor, key: string): void {
    this.running(key).update(statistics, x.node, this.updateOptions());
  }

  /** How running statistics move now. */
  protected updateOptions(): UpdateOptions {
    const name = this.path === '' ? this.op : `${this.path} (${this.op})`;
    return { ...this.settings, rule: this.rule || 'once', name, about: this };
  }

  private found(x: Tensor, site: Site): Statistics {
    return this.hasBatch(x) ? this.gather(x, site) : new Statistics(0, zeros([site.channels]), zeros([site.channels]));
  }

  private checked(x: Tensor, site: Site): ByBatch {
    this.check(x, site);
    return this.byBatch(x, site);
  }

  private siteOf(x: Tensor, call: NormalizationCall): Site {
    const axis = this.axisOf(x);
    const channels = this.runningMean.shape[0];
    if (x.shape[axis] !== channels) throw faults.channels(this.op, x.shape, axis, channels);
    const shape = x.shape.map((extent, i) => (i === axis ? extent : 1));
    const wide = (perChannel: Tensor): Tensor => perChannel.reshape(shape);
    const affine = (name: 'scale' | 'shift'): Tensor | undefined => this.affine(name, x, call[name]) ?? (this[name] && wide(this[name].value));
    return {
      axis, axes: x.shape.map((_, i) => i).filter((i) => i !== axis), channels, key: this.keyOf(call.key), wide,
      mask: call.mask && maskOver(this.op, x, axis, call.mask), scale: affine('scale'), shift: affine('shift'),
    };
  }

  private affine(name: string, x: Tensor, given: Tensor | undefined): Tensor | undefined {
    if (!given) return undefined;
    const fits = given.rank <= x.rank && given.shape.every((extent, i) => extent === 1 || extent === x.shape[x.rank - given.rank + i]);
    if (!fits) throw faults.affine(this.op, name, x.shape, given.shape, 'must broadcast to the input');
    return given;
  }

  private keyOf(given: string | undefined): string {
    const { keys } = this.settings;
    if (given !== undefined) return this.running(given) && given;
    const scoped = scopedKey();
    return scoped !== undefined && keys.some((key) => key !== '') ? this.running(scoped) && scoped : keys[0];
  }

  private axisOf(x: Tensor): number {
    checkTensor(this.op, 'input', x);
    const { axis, channels, ranks } = this.settings;
    if (ranks && !ranks.includes(x.rank)) throw faults.rank(this.op, x.shape, ranks, 'use batchNorm(), which takes any rank');
    const resolved = resolveAxis(axis, x.rank);
    if (resolved === undefined || (resolved === 0 && (this.tellsSamples() || channels === undefined))) throw faults.axis(this.op, x.shape, axis, resolved === 0 && !this.tellsSamples());
    return resolved;
  }
}

/** Training: epochs over a dataset, with validation, callbacks and progress. */
import { loader } from '../data/index.ts';
import type { Dataset, Loader } from '../data/index.ts';
import type { Model } from '../nn/index.ts';
import { optimizers, schedules } from '../optim/index.ts';
import type { Optimizer, Schedule } from '../optim/index.ts';
import { Trace, tracing } from '../runtime/index.ts';
import { compile, zeros } from '../tensor/index.ts';
import type { Step } from '../tensor/index.ts';
import { Breath } from './breath.ts';
import { columnsOf, evaluationStep, runEvaluation } from './evaluate.ts';
import { faults } from './faults.ts';
import { Means } from './means.ts';
import { measureOf } from './objective.ts';
import type { Objective } from './objective.ts';
import { createProgress } from './progress.ts';
import type { Output, Progress, Verbosity } from './progress.ts';

/** One epoch: means over its samples as they were seen while training; validation is after it. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** `loss`, the metrics, and with validation the same as `validationLoss`, `validationAccuracy` and so on. */
  readonly values: Readonly<Record<string, number>>;
  /** Seconds of training, without validation. */
  readonly seconds: number;
  readonly samplesPerSecond: number;
}

/** One step. */
export interface BatchRecord {
  readonly epoch: number;
  /** Counted from 1 within the epoch. */
  readonly batch: number;
  /** Loss and metrics of this batch alone. */
  readonly values: Readonly<Record<string, number>>;
}

/** Called while a model trains. */
export interface Callbacks {
  /** Returning false (or a promise of it) ends training. */
  onBatchEnd?(record: BatchRecord): unknown;
  /** Returning false (or a promise of it) ends training. */
  onEpochEnd?(record: EpochRecord): unknown;
}

/** What training measured. */
export interface History {
  /** The epochs that were finished. */
  readonly epochs: readonly EpochRecord[];
  /** Why training ended before its last epoch. */
  readonly stopped?: 'signal' | 'callback';
  /** Seconds until the first step was done, most of it compiling. */
  readonly firstStepSeconds: number;
  /** Over all of training after the first step, without validation. */
  readonly samplesPerSecond: number;
}

/** How a model is trained. */
export interface FitOptions extends Objective {
  /** An update rule, or the name of one with its defaults (`adam`, `sgd`). */
  readonly optimizer: Optimizer | keyof typeof optimizers;
  /** How the optimizer's rate changes from step to step: a name or a function of the share of steps done. Default `constant`. */
  readonly schedule?: Schedule | keyof typeof schedules;
  /** Default 1. */
  readonly epochs?: number;
  /** Default 32. */
  readonly batchSize?: number;
  /** Measured after every epoch. */
  readonly validation?: Dataset | Promise<Dataset>;
  /** Decides the order of the samples; default 0. */
  readonly seed?: number;
  /** A new order every epoch; default true. */
  readonly shuffle?: boolean;
  /** Leave out a last batch that is smaller than the others; default false. */
  readonly dropLast?: boolean;
  readonly callbacks?: Callbacks | readonly Callbacks[];
  /** Ends training after the current step. */
  readonly signal?: AbortSignal;
  /** Default `auto`: a bar on a terminal, else a line for every tenth of an epoch. */
  readonly verbose?: Verbosity;
  /** Where progress goes; default standard output. */
  readonly output?: Output;
  /** Run slowly and name the first op that makes NaN or infinity. Default false. */
  readonly debug?: boolean;
}

/**
 * Trains a model.
 * @param data  batches with the columns x and y
 * @returns what was measured; the model has the last parameters
 * @throws E101 for options; E421, E422 for the data; E423 for a loss that is not finite; what the layers throw, before any training
 */
export async function fit(model: Model, data: Dataset | Promise<Dataset>, options: FitOptions): Promise<History> {
  const { epochs = 1, batchSize = 32, seed = 0, shuffle = true, dropLast = false } = options;
  const loaded = together(data, options.validation);
  if (!(Number.isInteger(epochs) && epochs >= 1)) throw faults.count('fit', 'epochs', epochs);
  const optimizer = optimizerOf(options.optimizer);
  const pace = paceOf(optimizer, options.schedule ?? 'constant');
  const step = trainingStep(model, optimizer, options);
  const validation = evaluationStep('fit', model, options);
  const [training, held] = await loaded;
  const batches = loader(training, { batchSize, shuffle, seed, dropLast });
  if (batches.samples === 0) throw faults.empty('fit', 'the training data');
  await tryLastBatch(model, training, batches.samples % batchSize);
  const progress = createProgress(options.verbose ?? 'auto', options.output);
  try {
    return await new Run({ ...options, epochs }, batches, step, pace, progress, held && validator(validation, held, batchSize)).run();
  } finally {
    pace.end();
    progress.close();
    for (const made of [step, validation, typeof options.optimizer === 'string' ? optimizer : undefined]) made?.dispose();
  }
}

/** A last batch that the model cannot train on, of one sample for example, is refused before the epoch that would end with it. */
async function tryLastBatch(model: Model, data: Dataset, samples: number): Promise<void> {
  if (samples === 0 || samples === data.length) return;
  const { x } = await data.batch(Int32Array.of(0));
  if (x) tracing(new Trace('train'), () => model.forward(zeros([samples, ...x.shape.slice(1)], x.dtype)));
}

/** Sets the rate before each step; a constant schedule leaves it to the user's callbacks. */
interface Pace { at(progress: number): void; end(): void }

function paceOf(optimizer: Optimizer, named: Schedule | keyof typeof schedules): Pace {
  if (typeof named === 'string' && !Object.hasOwn(schedules, named)) throw faults.unknown('fit', 'schedule', named, Object.keys(schedules));
  if (named === 'constant') return { at: () => undefined, end: () => undefined };
  const schedule: Schedule = typeof named === 'string' ? schedules[named] : named;
  const { rate } = optimizer;
  return {
    at: (progress) => { optimizer.rate = rate * schedule(progress); },
    end: () => { optimizer.rate = rate; },
  };
}

function trainingStep(model: Model, optimizer: Optimizer, options: FitOptions): Step<string> {
  const measure = measureOf('fit', options);
  return compile<string>('fit', ({ x, y }) => {
    const values = measure(model.forward(x), y);
    optimizer.minimize(values.loss, model.params());
    return values;
  }, { mode: 'train', debug: options.debug });
}

function optimizerOf(optimizer: FitOptions['optimizer']): Optimizer {
  if (typeof optimizer !== 'string') return optimizer;
  if (!Object.hasOwn(optimizers, optimizer)) throw faults.unknown('fit', 'optimizer', optimizer, Object.keys(optimizers));
  return new optimizers[optimizer]();
}

type Validate = (onBatch: () => Promise<boolean>) => Promise<Record<string, number>>;

function validator(step: Step<string>, data: Dataset, batchSize: number): Validate {
  return async (onBatch) => {
    const values = await runEvaluation('fit', step, data, batchSize, onBatch);
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [`validation${name[0].toUpperCase()}${name.slice(1)}`, value]));
  };
}

/** Both datasets; a failure is reported once, to the one who awaits, even if fit throws for another reason before that. */
function together(data: Dataset | Promise<Dataset>, validation: FitOptions['validation']): Promise<[Dataset, Dataset | undefined]> {
  const both = Promise.all([data, validation]);
  both.catch(() => undefined);
  return both;
}

/** One call of fit. */
class Run {
  private readonly options: FitOptions & { readonly epochs: number };
  private readonly batches: Loader;
  private readonly step: Step<string>;
  private readonly pace: Pace;
  private readonly progress: Progress;
  private readonly validate: Validate | undefined;
  private readonly callbacks: readonly Callbacks[];
  private readonly breath = new Breath();
  private readonly records: EpochRecord[] = [];
  private stopped: History['stopped'];
  private firstStepSeconds: number | undefined;
  private readonly after = { samples: 0, seconds: 0 };

  constructor(options: FitOptions & { readonly epochs: number }, batches: Loader, step: Step<string>, pace: Pace, progress: Progress, validate: Validate | undefined) {
    this.options = options;
    this.batches = batches;
    this.step = step;
    this.pace = pace;
    this.progress = progress;
    this.validate = validate;
    this.callbacks = [options.callbacks ?? []].flat();
  }

  async run(): Promise<History> {
    for (let epoch = 1; epoch <= this.options.epochs && !this.stopped; epoch++) await this.epoch(epoch);
    const { samples, seconds } = this.after;
    return { epochs: this.records, stopped: this.stopped, firstStepSeconds: this.firstStepSeconds ?? 0, samplesPerSecond: seconds > 0 ? samples / seconds : 0 };
  }

  private async epoch(epoch: number): Promise<void> {
    const means = new Means();
    const start = performance.now();
    const moment = (values: Readonly<Record<string, number>>, seconds: number) =>
      ({ epoch, epochs: this.options.epochs, samples: means.samples, total: this.batches.samples, seconds, values });
    let batch = 0;
    let mark = start;
    for await (const columns of this.batches.epoch(epoch - 1)) {
      if (!(await this.goOn())) return;
      const { x, y } = columnsOf('fit', columns);
      this.pace.at((epoch - 1 + means.samples / this.batches.samples) / this.options.epochs);
      const values = await this.step({ x, y });
      this.clock(secondsSince(mark), y.shape[0]);
      mark = performance.now();
      batch++;
      if (!Number.isFinite(values.loss)) throw faults.notFinite(epoch, batch, values.loss);
      means.add(values, y.shape[0]);
      this.progress.batch(moment(means.values(), secondsSince(start)));
      await this.call((c) => c.onBatchEnd?.({ epoch, batch, values }));
      if (this.stopped) return;
    }
    const seconds = secondsSince(start);
    const validated = await this.validate?.(() => this.goOn());
    if (this.stopped) return;
    const values = { ...means.values(), ...validated };
    const record: EpochRecord = { epoch, values, seconds, samplesPerSecond: means.samples / seconds };
    this.records.push(record);
    this.progress.epoch(moment(values, seconds));
    await this.call((c) => c.onEpochEnd?.(record));
  }

  /** Counts the time of one step, the preparation of its batch included; compiling falls into the first. */
  private clock(seconds: number, samples: number): void {
    if (this.firstStepSeconds === undefined) {
      this.firstStepSeconds = seconds;
      return;
    }
    this.after.samples += samples;
    this.after.seconds += seconds;
  }

  private async call(hook: (callbacks: Callbacks) => unknown): Promise<void> {
    for (const callbacks of this.callbacks) if ((await hook(callbacks)) === false) this.stopped = 'callback';
  }

  /** False once the signal has been given. */
  private async goOn(): Promise<boolean> {
    await this.breath.take();
    if (this.options.signal?.aborted) this.stopped = 'signal';
    return this.stopped === undefined;
  }
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

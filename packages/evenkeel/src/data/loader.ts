/** Batches of a dataset in shuffled order, the next one being prepared while the current one is in use. */
import { Fault, RandomStream } from '../base/index.ts';
import type { Batch, Dataset } from './dataset.ts';

/** How a dataset is cut into batches. */
export interface LoaderOptions {
  /** Samples of a batch; default 32. */
  readonly batchSize?: number;
  /** A new order every epoch; default false. */
  readonly shuffle?: boolean;
  /** Decides the orders; default 0. */
  readonly seed?: number;
  /** Leave out a last batch that is smaller than the others; default false. */
  readonly dropLast?: boolean;
  /** Batches prepared ahead; default 1, and 0 prepares each when it is asked for. */
  readonly prefetch?: number;
}

/** Batches by epoch. */
export interface Loader extends AsyncIterable<Batch> {
  /** Batches in an epoch. */
  readonly batches: number;
  /** Samples in an epoch, without dropped ones. */
  readonly samples: number;
  /** The batches of one epoch; iterating over the loader itself goes through epochs 0, 1, 2 ... */
  epoch(index: number): AsyncIterable<Batch>;
}

/**
 * An async iterable of batches. The order depends on `seed` and the epoch alone.
 * @throws E101 for a batch size or prefetch that is not a whole number
 */
export function loader(dataset: Dataset, options: LoaderOptions = {}): Loader {
  const { batchSize = 32, shuffle = false, seed = 0, dropLast = false, prefetch = 1 } = options;
  checkCount('batchSize', batchSize, 1);
  checkCount('prefetch', prefetch, 0);
  const batches = dropLast ? Math.floor(dataset.length / batchSize) : Math.ceil(dataset.length / batchSize);
  const epoch = (index: number): AsyncGenerator<Batch> => {
    const order = shuffle ? permutation(dataset.length, seed, index) : identity(dataset.length);
    return ahead(batches, prefetch, (at) => dataset.batch(order.subarray(at * batchSize, (at + 1) * batchSize)));
  };
  let next = 0;
  return {
    batches, samples: Math.min(batches * batchSize, dataset.length), epoch,
    [Symbol.asyncIterator]: () => epoch(next++),
  };
}

/** 0 .. length-1 in an order that depends on seed and epoch (Fisher and Yates 1938, in Durstenfeld's form). */
export function permutation(length: number, seed: number, epoch: number): Int32Array {
  const order = identity(length);
  const random = new RandomStream(seed, `shuffle ${epoch}`);
  for (let i = length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return order;
}

function identity(length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => i);
}

async function* ahead(count: number, prefetch: number, make: (at: number) => Batch | Promise<Batch>): AsyncGenerator<Batch> {
  const waiting: Job[] = [];
  let started = 0;
  for (let at = 0; at < count; at++) {
    while (started < count && started <= at + prefetch) {
      const index = started++;
      waiting.push(new Job(() => make(index), index > at));
    }
    yield await waiting.shift()!.result();
  }
}

/** Work that runs when the event loop is free (while a step runs in its threads), or at once when the result is asked for. */
class Job {
  private readonly work: () => Batch | Promise<Batch>;
  private running: Promise<Batch> | undefined;

  constructor(work: () => Batch | Promise<Batch>, defer: boolean) {
    this.work = work;
    if (defer) soon(() => void this.result().catch(() => undefined));
  }

  /** A failure is reported here, to the one who uses the batch. */
  result(): Promise<Batch> {
    this.running ??= Promise.resolve().then(this.work);
    return this.running;
  }
}

function soon(fn: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(fn);
  else setTimeout(fn, 0);
}

function checkCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new Fault({ code: 'E101', op: 'loader', rule: `${name} must be a whole number from ${least}`, detail: [`got ${value}`], hint: `pass ${name}: ${Math.max(least, 32)}` });
}

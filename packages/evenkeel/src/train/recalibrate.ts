/** Running statistics computed anew, exactly. */
import { loader, permutation } from '../data/index.ts';
import type { Dataset } from '../data/index.ts';
import type { Node } from '../graph/index.ts';
import { topological } from '../graph/index.ts';
import { BatchRenorm, DecorrelatedBatchNorm, FrozenBatchNorm, L1BatchNorm, normsOf, Normalization, observeStatistics, traceCalls, TrackedInstanceNorm, withStatisticsKey } from '../nn/index.ts';
import type { Kind, Model, TracedCalls } from '../nn/index.ts';
import { ChannelStatistics, compile, Tensor } from '../tensor/index.ts';
import type { Step } from '../tensor/index.ts';
import { faults } from './faults.ts';

/** Over what statistics are taken. */
export interface RecalibrateOptions {
  /** Has no influence on the result; default 128. */
  readonly batchSize?: number;
  /** As many samples, drawn by `seed`; default all. 10,000 are nearly as good as any number (Wu & Johnson 2021, section 3.4). */
  readonly samples?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Which running statistics of layers that keep several; default the first of each. */
  readonly key?: string;
}

/** Layers whose running statistics are not mean and variance of what they are given, or never change. */
const APART: readonly Kind<Normalization>[] = [DecorrelatedBatchNorm, FrozenBatchNorm, L1BatchNorm, TrackedInstanceNorm];

interface Layer { readonly path: string; readonly norm: Normalization }

/**
 * Sets the running statistics of every batch normalization to those of a dataset: of all values that reach the layer in evaluation,
 * the variance divided by their number, independent of batch size and order to rounding. Nothing else changes. For after training with
 * a high rate, averaged weights, another domain (AdaBN), a layer that was just inserted; the aim of PreciseBN (Wu & Johnson 2021,
 * arXiv 2105.07576), but computed in evaluation: what reaches a layer depends on the layers before it, so those are done first, with
 * one walk over the data for each level of layers. Layers called several times in a forward take all their inputs together. Frozen
 * layers stay as they are, and so do those whose running statistics are others (whitening, L1, instance normalization).
 * @param data  batches with the column x
 * @returns the statistics by path of the layer
 * @throws E101 for options; E314 for an unknown key; E421 for no samples; E422 for no column x; E424 for a layer that is called on
 * something computed from its own output; E425 for values that are not finite. The running statistics are then as before
 */
export async function recalibrate(model: Model, data: Dataset | Promise<Dataset>, options: RecalibrateOptions = {}): Promise<Map<string, ChannelStatistics>> {
  const samples = drawn(await data, options);
  if (samples.length === 0) throw faults.empty('recalibrate', 'the data');
  const { x } = await samples.batch([0]);
  if (!x) throw faults.inputColumn('recalibrate', Object.keys(await samples.batch([0])));
  const traced = traceCalls(model, [{ shape: [2, ...x.shape.slice(1)], dtype: x.dtype }]);
  const before: (() => void)[] = [];
  const found = new Map<string, ChannelStatistics>();
  try {
    for (const layers of levels(model, traced)) {
      for (const { norm } of layers) before.push(...await remember(norm, options.key));
      const statistics = await walk(model, layers, samples, options);
      layers.forEach((layer, i) => {
        take(layer, statistics[i], options.key);
        found.set(layer.path, statistics[i]);
      });
    }
    return found;
  } catch (error) {
    for (const restore of before) restore();
    throw error;
  }
}

function drawn(data: Dataset, { samples = data.length, seed = 0 }: RecalibrateOptions): Dataset {
  if (!(Number.isInteger(samples) && samples >= 0)) throw faults.count('recalibrate', 'samples', samples);
  if (samples >= data.length) return data;
  const order = permutation(data.length, seed, 0).subarray(0, samples);
  return { length: samples, batch: (indices) => data.batch(Int32Array.from(indices, (i) => order[i])) };
}

/** Layers that depend on none but those of levels before theirs. */
function levels(model: Model, { calls, outputs }: TracedCalls): Layer[][] {
  const layers = [...normsOf(model, Normalization)].map(([path, norm]) => ({ path, norm }))
    .filter(({ norm }) => !norm.frozen && !APART.some((kind) => norm instanceof kind) && calls.some(({ module }) => module === norm));
  const levelOf = new Map<unknown, number>(layers.map(({ norm }) => [norm, 0]));
  const own = calls.filter(({ module }) => levelOf.has(module));
  const order = topological([...outputs, ...own.flatMap(({ output }) => output ?? [])].map(({ node }) => node));
  for (let changed = true; changed;) {
    changed = false;
    const nodes = new Map<Node, number>();
    for (const node of order) {
      const made = own.find(({ output }) => output?.node === node);
      nodes.set(node, made ? levelOf.get(made.module)! + 1 : Math.max(0, ...node.inputs.map((input) => nodes.get(input)!)));
      for (const { module, path } of own.filter(({ inputs }) => inputs[0] instanceof Tensor && inputs[0].node === node)) {
        if (nodes.get(node)! <= levelOf.get(module)!) continue;
        if (nodes.get(node)! >= layers.length) throw faults.circular(path);
        levelOf.set(module, nodes.get(node)!);
        changed = true;
      }
    }
  }
  const last = Math.max(-1, ...levelOf.values());
  return Array.from({ length: last + 1 }, (_, level) => layers.filter(({ norm }) => levelOf.get(norm) === level)).filter((level) => level.length > 0);
}

/** One walk over the data. */
async function walk(model: Model, layers: readonly Layer[], data: Dataset, { batchSize = 128, key }: RecalibrateOptions): Promise<ChannelStatistics[]> {
  const step = observation(model, layers, key);
  const totals: ChannelStatistics[] = [];
  try {
    for await (const { x } of loader(data, { batchSize }).epoch(0)) {
      const values: Readonly<Record<string, number | Tensor>> = await step({ x });
      for (let i = 0; i < layers.length; i++) {
        const [count, mean, rest, m2] = await Promise.all(['count', 'mean', 'rest', 'm2'].map((name) => numbers(values[`${name}${i}`] ?? 0)));
        const part = new ChannelStatistics(count[0], mean.map((value, c) => value + (rest[c] ?? 0)), m2);
        totals[i] = totals[i]?.merge(part) ?? part;
      }
    }
  } finally {
    step.dispose();
  }
  const wrong = totals.findIndex(({ mean, m2 }) => ![...mean, ...m2].every(Number.isFinite));
  if (wrong >= 0) throw faults.infinite(layers[wrong].path);
  return totals;
}

function observation(model: Model, layers: readonly Layer[], key: string | undefined): Step<string> {
  return compile<string>('recalibrate', ({ x }) => {
    const run = (): unknown => model.forward(x);
    const found = observeStatistics(() => (key === undefined ? run() : withStatisticsKey(key, run)));
    return Object.fromEntries(layers.flatMap(({ norm }, i) => {
      const { count, mean, rest, m2 } = found.get(norm)!;
      const known = typeof count === 'number' ? mean.mul(0).add(count) : count;
      return [[`count${i}`, known], [`mean${i}`, mean], ...(rest ? [[`rest${i}`, rest] as const] : []), [`m2${i}`, m2]];
    }));
  }, { mode: 'eval' });
}

async function numbers(value: number | Tensor): Promise<Float64Array> {
  return typeof value === 'number' ? Float64Array.of(value) : Float64Array.from(await value.data());
}

function take({ norm }: Layer, statistics: ChannelStatistics, key: string | undefined): void {
  const { mean, variance, weight } = norm.running(keyFor(norm, key));
  mean.write(statistics.mean);
  variance.write(statistics.variance());
  // All the weight that averages give: what they started from no longer counts.
  weight?.write([1]);
  if (norm instanceof BatchRenorm) norm.deviationOf(keyFor(norm, key)).write(statistics.variance().map((value) => Math.sqrt(value + norm.settings.epsilon)));
}

async function remember(norm: Normalization, key: string | undefined): Promise<(() => void)[]> {
  const { mean, variance, weight } = norm.running(keyFor(norm, key));
  return Promise.all([mean, variance, weight ?? [], norm instanceof BatchRenorm ? norm.deviationOf(keyFor(norm, key)) : []].flat().map(async (buffer) => {
    const values = await buffer.read();
    return () => buffer.write(values);
  }));
}

/** Layers without keys have their one set of statistics whatever is asked for. */
function keyFor({ settings: { keys } }: Normalization, key: string | undefined): string {
  return key !== undefined && keys.some((known) => known !== '') ? key : keys[0];
}

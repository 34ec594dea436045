/** Inputs without values: an empty output or a fault in words, nothing that is not a number, and nothing moves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, Fault, grad, nn, zeros } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import * as norms from '../../../src/nn/norms/index.ts';
import { catalogue } from '../../support/norm-catalogue.ts';
import type { Entry } from '../../support/norm-catalogue.ts';
import { sample } from '../../support/norm-outcome.ts';

const entries: readonly (readonly [string, Entry])[] = [...Object.entries(catalogue.batch), ...Object.entries(catalogue.sample)];
const shapes = {
  'without samples': [[0, 4], [0, 3, 4], [0, 3, 5, 4], [0, 2, 2, 2, 4]],
  'without positions': [[6, 0, 4], [6, 0, 5, 4]],
  'without channels': [[6, 0], [6, 3, 0], [6, 3, 5, 0]],
} as const;

/** What is refused, on which shapes: everything else gives an empty output. */
const REFUSED: Readonly<Record<string, readonly (readonly [code: string, shapes: RegExp])[]>> = {
  batchNorm1d: [['E300', /,.*,.*,/]],
  batchNorm2d: [['E300', /^\d,\d(,\d|,\d,\d,\d)?$/]],
  batchNorm3d: [['E300', /^\d,\d(,\d|,\d,\d)?$/]],
  // Its weight has 4 channels.
  crossIterationBatchNorm: [['E317', /,0$/]],
  // One position: there is nothing to take statistics over, whatever the batch is.
  instanceNorm: [['E332', /^\d,\d$/]],
  adaptiveInstanceNorm: [['E332', /^\d,\d$/]],
  filterResponseNorm: [['E332', /^\d,\d$/]],
  queryKeyNorm: [['E334', /^\d,\d$/]],
  // Images alone; and its convolutions have no place to stand on.
  spade: [['E226', /^\d,\d$/], ['E300', /^\d,\d(,\d|,\d,\d,\d)$/], ['E221', /^6,0,5,4$/]],
};

interface Found { readonly shape?: readonly number[]; readonly fault?: string; readonly values: readonly number[]; readonly moved: readonly string[]; readonly layer: nn.Module }

/** A training or evaluation step with everything that may go wrong in it, of a layer that was built for such inputs. */
async function stepOf(name: string, entry: Entry, shape: readonly number[], mode: 'train' | 'eval'): Promise<Found> {
  const layer = (Reflect.get(norms, name) as (options?: object) => nn.Module)(entry.options);
  const forward = (x: Tensor): Tensor => {
    const beside = entry.companion ? [entry.companion(x)] : entry.call ? [entry.call(x)] : [];
    const y = (Reflect.get(layer, 'forward') as (...inputs: unknown[]) => unknown)(x, ...beside);
    return entry.output ? entry.output(y as never) : y as Tensor;
  };
  try {
    forward(sample(shape.map((extent, i) => (extent > 0 || i === shape.length - 1 ? extent : 6))));
    const state = (): Promise<string[]> => Promise.all([...layer.namedParams(), ...layer.namedBuffers()].map(async ([path, ref]) => `${path} ${[...await ref.read()]}`));
    const before = await state();
    const step = compile('empty', ({ x }) => {
      const y = forward(x);
      const gradients = grad(y.mul(2).sum(), [x, ...layer.params()]);
      return { y, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) };
    }, { mode });
    const { y, ...rest } = await step({ x: zeros(shape) }) as Readonly<Record<string, Tensor | number>>;
    const values = await Promise.all([y, ...Object.values(rest)].map(async (v) => (typeof v === 'number' ? [v] : [...await v.data()])));
    step.dispose();
    const after = await state();
    return { shape: (y as Tensor).shape, values: values.flat(), moved: after.filter((line, i) => line !== before[i]), layer };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { fault: error.code, values: [], moved: [], layer };
  }
}

afterAll(() => configure({ backend: 'wasm' }));

describe.for(['oracle', 'wasm', 'plain'] as const)('%s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.each(entries)('%s', async (name, entry) => {
    for (const [kind, list] of Object.entries(shapes)) {
      for (const shape of list) {
        for (const mode of ['train', 'eval'] as const) {
          const found = await stepOf(name, entry, shape, mode);
          const about = `[${shape}] ${mode}`;
          expect(found.fault, about).toBe(REFUSED[name]?.find(([, at]) => at.test(`${shape}`))?.[0]);
          if (found.fault) continue;
          expect(found.shape, about).toEqual(shape);
          expect(found.values.filter((value) => value !== 0), about).toEqual([]);
          // A part of a large batch counts as one, empty or not; buffers without channels hold nothing that could be wrong.
          const may = name === 'accumulatedBatchNorm' && mode === 'train' ? ['accumulatedSteps 1'] : [];
          if (kind !== 'without channels') expect(found.moved, about).toEqual(may);
        }
      }
    }
  });
});

describe('batches in which nothing counts', () => {
  beforeAll(() => configure({ backend: 'wasm' }));

  it.each([
    ['crossIterationBatchNorm', 'pooledSteps'], ['movingAverageBatchNorm', 'averagedSteps'], ['batchRenorm', 'renormSteps'],
  ])('%s: the next batch is the first', async (name, counter) => {
    const make = (): nn.Normalization => {
      const layer = (Reflect.get(norms, name) as (options?: object) => nn.Normalization)({ ...catalogue.batch[name].options, buffer: 2, warmup: 0 });
      layer.build([3, 4]);
      return layer;
    };
    const [layer, plain] = [make(), make()];
    const train = async (of: nn.Normalization, seed: number, mask?: Tensor): Promise<readonly number[]> => {
      const { y } = await compile('train', ({ x }) => {
        const out = of.forward(x, { mask });
        return { y: out, dx: grad(out.square().sum(), [x])[0] };
      }, { mode: 'train' })({ x: sample([6, 3, 4], seed) });
      return [...await y.data()];
    };
    await train(layer, 1, zeros([6, 3]));
    expect([...await layer.namedBuffers().get(counter)!.read()]).toEqual([0]);
    for (const seed of [2, 3, 4]) expect(await train(layer, seed)).toEqual(await train(plain, seed));
    for (const [path, buffer] of layer.namedBuffers()) expect([...await buffer.read()], path).toEqual([...await plain.namedBuffers().get(path)!.read()]);
  });

  it('accumulatedBatchNorm: one that comes last still ends the large batch', async () => {
    const layer = nn.accumulatedBatchNorm({ microBatches: 2, decay: 0 });
    layer.build([1]);
    const step = compile('train', ({ x }) => ({ y: layer.forward(x) }), { mode: 'train' });
    await step({ x: { data: Float32Array.of(1, 3), shape: [2, 1] } });
    await step({ x: zeros([0, 1]) });
    expect([...await layer.runningMean.read(), ...await layer.accumulatedSteps.read(), ...await layer.accumulatedCount.read()]).toEqual([2, 0, 0]);
  });
});

/** What a training step keeps of a normalization from its forward to its backward pass, read off the plan. */
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, grad, nn, Param, tensor } from '../../../src/index.ts';
import type { Step, Tensor } from '../../../src/index.ts';

const [SAMPLES, HEIGHT, WIDTH, CHANNELS] = [6, 5, 7, 12];
const INPUT = [SAMPLES, HEIGHT, WIDTH, 3];
const FULL = SAMPLES * HEIGHT * WIDTH * CHANNELS;
/** No statistics of any layer here are more: those of the positions of all samples. */
const VECTOR = SAMPLES * HEIGHT * WIDTH;
/** Channels behind the layer, by whose number the product there is known. */
const BEHIND = 5;
const OUTPUT = SAMPLES * HEIGHT * WIDTH * BEHIND;

const into = tensor(Float32Array.from({ length: CHANNELS * BEHIND }, (_, i) => Math.cos(i)), [CHANNELS, BEHIND]);
const labels = tensor(Int32Array.from({ length: SAMPLES }, (_, i) => i % 2));
const weight = new Param({ shape: [3, CHANNELS], name: 'weight', data: new Float32Array(3 * CHANNELS).fill(1) });

/** Elements of the temporary buffers that are written up to the product behind the layer and read after it. */
function keptOf(step: Step): number[] {
  const [{ kernels, buffers }] = step.plans;
  const middle = kernels.findIndex(({ writes }) => writes.some(({ size }) => size === OUTPUT));
  expect(middle).toBeGreaterThan(0);
  const written = (upTo: number) => (buffer: object): boolean => kernels.slice(0, upTo).some(({ writes }) => writes.some((b) => b === buffer));
  const read = (from: number) => (buffer: object): boolean => kernels.slice(from).some(({ reads }) => reads.some((b) => b === buffer));
  return buffers.filter((b) => b.kind === 'temp' && written(middle)(b) && read(middle + 1)(b)).map(({ size }) => size).sort((a, b) => b - a);
}

/** A product, the layer, and a product: the way back needs neither product's result for itself. */
async function kept(forward: (x: Tensor) => Tensor, params: () => readonly Param[], mode: 'train' | 'eval' = 'train'): Promise<number[]> {
  const before = new Param({ shape: [3, CHANNELS], name: 'before', data: Float32Array.from({ length: 3 * CHANNELS }, (_, i) => Math.sin(i)) });
  forward(tensor(new Float32Array(FULL), [SAMPLES, HEIGHT, WIDTH, CHANNELS]));
  const step = compile('kept', ({ x }) => {
    const loss = forward(x.matmul(before.value)).matmul(into).tanh().sum();
    return Object.fromEntries(grad(loss, [before, ...params()]).map((g, i) => [`g${i}`, g]));
  }, { mode });
  await step({ x: { data: Float32Array.from({ length: INPUT.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * i)), shape: INPUT } });
  const sizes = keptOf(step);
  step.dispose();
  return sizes;
}

interface Case {
  readonly make: () => nn.Module;
  readonly call?: object;
  /** Tensors of the input's size that are kept; default 1, the input. */
  readonly tensors?: number;
}

const BATCH: Readonly<Record<string, Case>> = {
  batchNorm: { make: () => nn.batchNorm() },
  'batchNorm with ReLU': { make: () => nn.batchNorm({ activation: 'relu' }) },
  accumulatedBatchNorm: { make: () => nn.accumulatedBatchNorm({ microBatches: 2 }) },
  batchRenorm: { make: () => nn.batchRenorm() },
  conditionalBatchNorm: { make: () => nn.conditionalBatchNorm({ classes: 2 }), call: { condition: labels } },
  crossIterationBatchNorm: { make: () => nn.crossIterationBatchNorm({ weight: () => weight }) },
  domainBatchNorm: { make: () => nn.domainBatchNorm({ domains: ['a', 'b'] }), call: { domain: 'b' } },
  ghostBatchNorm: { make: () => nn.ghostBatchNorm({ virtualBatchSize: 3 }) },
  l1BatchNorm: { make: () => nn.l1BatchNorm() },
  movingAverageBatchNorm: { make: () => nn.movingAverageBatchNorm() },
  splitBatchNorm: { make: () => nn.splitBatchNorm() },
  syncBatchNorm: { make: () => nn.syncBatchNorm() },
  // The input, and the reference once more by itself.
  virtualBatchNorm: { make: () => nn.virtualBatchNorm({ reference: 2 }), tensors: 4 / 3 },
};

const SAMPLE: Readonly<Record<string, Case>> = {
  layerNorm: { make: () => nn.layerNorm() },
  'layerNorm of samples': { make: () => nn.layerNorm({ axes: [1, 2, 3] }) },
  rmsNorm: { make: () => nn.rmsNorm() },
  groupNorm: { make: () => nn.groupNorm({ groups: 4 }) },
  instanceNorm: { make: () => nn.instanceNorm({ scale: true, center: true }) },
  filterResponseNorm: { make: () => nn.filterResponseNorm() },
  pixelNorm: { make: () => nn.pixelNorm() },
  unitNorm: { make: () => nn.unitNorm() },
  switchableNorm: { make: () => nn.switchableNorm() },
  globalResponseNorm: { make: () => nn.globalResponseNorm() },
};

const OTHERS: Readonly<Record<string, Case>> = {
  // Its output, which is the input of what comes next, and nothing else.
  inPlaceBatchNorm: { make: () => nn.inPlaceBatchNorm() },
  // The input and what goes into the activation, whose gradient costs more to compute again than to keep.
  'groupNorm with SiLU': { make: () => nn.groupNorm({ groups: 4, activation: 'silu' }), tensors: 2 },
  evoNormS0: { make: () => nn.evoNormS0({ groups: 4 }), tensors: 2 },
  // The input and its whitened values, products of matrices.
  decorrelatedBatchNorm: { make: () => nn.decorrelatedBatchNorm({ groupSize: 4 }), tensors: 2 },
};

const calling = ({ make, call = {} }: Case): { readonly layer: nn.Module; readonly forward: (x: Tensor) => Tensor } => {
  const layer = make();
  return { layer, forward: (x) => (layer as nn.Normalization).forward(x, call) };
};

const large = (sizes: readonly number[]): readonly number[] => sizes.filter((size) => size > VECTOR);
const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

beforeAll(() => configure({ backend: 'wasm', threads: 1 }));

describe('a training step keeps the input and vectors of statistics', () => {
  it.each(Object.entries({ ...BATCH, ...SAMPLE, ...OTHERS }))('%s', async (_, of) => {
    const { layer, forward } = calling(of);
    const sizes = await kept(forward, () => layer.params());
    // Parts of a batch that have layers of their own are kept part by part.
    expect(sum(large(sizes)), String(sizes)).toBe(Math.round((of.tensors ?? 1) * FULL));
  });

  it.each(['batchNorm', 'layerNorm', 'rmsNorm', 'groupNorm', 'instanceNorm', 'filterResponseNorm'])('six of them at most: %s', async (name) => {
    const { layer, forward } = calling({ ...BATCH, ...SAMPLE }[name]);
    const sizes = await kept(forward, () => layer.params());
    expect(sizes.length - large(sizes).length).toBeLessThanOrEqual(6);
  });

  it('and would show a second tensor: of a product with a weight that trains', async () => {
    const square = new Param({ shape: [CHANNELS, CHANNELS], name: 'square', data: Float32Array.from({ length: CHANNELS ** 2 }, (_, i) => Math.cos(i)) });
    expect(await kept((x) => x.matmul(square.value).tanh(), () => [square])).toEqual([FULL, FULL]);
  });
});

describe('by running statistics nothing is kept but vectors', () => {
  it.each(Object.entries(BATCH).filter(([name]) => !name.includes('ReLU')))('%s in evaluation', async (_, of) => {
    expect(large(await kept(calling(of).forward, () => [], 'eval'))).toEqual([]);
  });

  it.each(['batchNorm', 'ghostBatchNorm', 'syncBatchNorm', 'batchRenorm', 'l1BatchNorm'])('%s, frozen in training', async (name) => {
    const { layer, forward } = calling(BATCH[name]);
    expect(large(await kept((x) => (layer.freeze(), forward(x)), () => []))).toEqual([]);
  });

  it('frozenBatchNorm', async () => {
    expect(large(await kept(calling({ make: () => nn.frozenBatchNorm() }).forward, () => []))).toEqual([]);
  });
});

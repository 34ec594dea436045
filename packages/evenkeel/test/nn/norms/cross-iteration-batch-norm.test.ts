import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, nn, Param, tensor } from '../../../src/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const weightOf = (values: readonly number[], shape: readonly number[]): Param => new Param({ shape, name: 'weight', data: values });

const made = (weight: Param, options: Partial<nn.CrossIterationBatchNormOptions> = {}): nn.CrossIterationBatchNorm => {
  const layer = nn.crossIterationBatchNorm({ weight: () => weight, ...options });
  layer.build([weight.shape.at(-1)!]);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('crossIterationBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it('with a window of one step, and in the first, is batchNorm', async () => {
    const weight = weightOf([1, 2, 3, 4], [2, 2]);
    const plain = nn.batchNorm();
    plain.build([2]);
    const x = sample([4, 2]);
    const wanted = await outcomeOf(plain, x, (t) => plain.forward(t.matmul(weight)));
    for (const window of [1, 4]) {
      const layer = made(weight, { window });
      expectOutcome(await outcomeOf(layer, x, (t) => layer.forward(t.matmul(weight))), wanted, 2e-6);
    }
  });

  it('corrects the statistics of earlier steps for the change of the weight', async () => {
    const [before, now] = [[0.5, -1], [0.75, -0.5]];
    const weight = weightOf(before, [2, 1]);
    const layer = made(weight, { window: 3, epsilon: 0 });
    const step = compile('step', ({ x }) => ({ y: layer.forward(x.matmul(weight)) }));
    const [first, second] = [sample([5, 2], 1), sample([5, 2], 2)];
    await step({ x: first });
    weight.write(now);
    const { y } = await step({ x: second });
    const rows = async (x: typeof first): Promise<number[][]> => (await x.array()) as number[][];
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b) / list.length;
    const old = await rows(first);
    const dot = (row: readonly number[], w: readonly number[]): number => row[0] * w[0] + row[1] * w[1];
    const center = [0, 1].map((i) => mean(old.map((row) => row[i])));
    const spread = (row: readonly number[], w: readonly number[]): number => dot([row[0] - center[0], row[1] - center[1]], w);
    const corrected = { mean: dot(center, now), variance: mean(old.map((row) => spread(row, before) * (2 * spread(row, now) - spread(row, before)))) };
    const values = (await rows(second)).map((row) => dot(row, now));
    const own = { mean: mean(values), variance: mean(values.map((v) => (v - mean(values)) ** 2)) };
    const pooled = (corrected.mean + own.mean) / 2;
    const variance = (corrected.variance + own.variance + (corrected.mean - pooled) ** 2 + (own.mean - pooled) ** 2) / 2;
    expectOutcome({ y: [...await y.data()] }, { y: values.map((v) => (v - pooled) / Math.sqrt(variance)) }, 5e-6);
    step.dispose();
  });

  it('waits for the end of the burn-in, and forgets what left the window', async () => {
    const weight = weightOf([1], [1, 1]);
    const [layer, plain] = [made(weight, { window: 2, burnIn: 2 }), nn.batchNorm()];
    plain.build([1]);
    for (let i = 0; i < 2; i++) {
      const { y } = await outcomeOf(plain, sample([4, 1], i), (x) => plain.forward(x.matmul(weight)));
      expectOutcome(await outcomeOf(layer, sample([4, 1], i), (x) => layer.forward(x.matmul(weight))), { y }, 2e-6);
    }
    const got = await outcomeOf(layer, sample([4, 1], 2), (x) => layer.forward(x.matmul(weight)));
    const pair = nn.batchNorm();
    pair.build([1]);
    const both = await outcomeOf(pair, sample([4, 1], 2), (x) => pair.forward(x.reshape([4]).reshape([4, 1]).pad([[4, 0], [0, 0]]).add(sample([4, 1], 1).pad([[0, 4], [0, 0]]))));
    expectOutcome({ y: got.y }, { y: both.y.slice(4) }, 2e-6);
    expect(got.pooledSteps).toEqual([3]);
  });
});

describe('crossIterationBatchNorm', () => {
  it('has the gradients of finite differences with earlier steps as constants', async () => {
    const weight = weightOf([1, 2, 3, 4], [2, 2]);
    const layer = made(weight, { window: 3 });
    layer.pooledSteps.write([1]);
    layer.recentMeans.write([0.5, -0.5, 0, 0]);
    layer.recentVariances.write([1, 2, 0, 0]);
    layer.recentWeights.write([1, 2, 3, 4, 0, 0, 0, 0]);
    await checkLayerGradient(layer, [4, 2], (x) => weight.as(tensor([[1, 2], [3, 4]]), () => layer.forward(x)), { tolerance: 1e-5 });
  });

  it('works behind a convolution in a model', async () => {
    const conv = nn.conv2d(3, 3, { bias: false });
    const model = nn.sequential({ input: [5, 5, 2] }, conv, nn.crossIterationBatchNorm({ weight: () => conv.weight }), nn.relu());
    await outcomeOf(model, sample([2, 5, 5, 2]));
    const got = await outcomeOf(model, sample([2, 5, 5, 2], 2));
    expect(got['1.pooledSteps']).toEqual([2]);
    expect(got['1.recentMeanSlopes'].some((value) => value !== 0)).toBe(true);
  });

  it('refuses a weight of other channels', () => {
    expect(faultText(() => nn.sequential({ input: [3] }, nn.crossIterationBatchNorm({ weight: () => weightOf([1, 2], [1, 2]) })))).toEqual([
      'E317 crossIterationBatchNorm: the weight must be that of the layer before, 3 output channels on its last axis.', 'input [2, 3]   weight [1, 2]',
      'in model.0 (crossIterationBatchNorm)', 'Fix: write weight: () => conv.weight with the layer that feeds this one']);
  });

  it('refuses a weight that is no function, when it is made', () => {
    expect(() => nn.crossIterationBatchNorm({} as never)).toThrow('E101 crossIterationBatchNorm: weight must be a function that gives the weight of the layer before.\n' +
      '     got undefined\n     Fix: for example weight: () => conv.weight');
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, nn, tensor, withMode } from '../../../src/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const made = (options: nn.DecorrelatedBatchNormOptions, shape: readonly number[]): nn.DecorrelatedBatchNorm => {
  const layer = nn.decorrelatedBatchNorm(options);
  layer.build(shape);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('decorrelatedBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it('leaves channels of a group without correlation', async () => {
    const mixed = sample([64, 4]).matmul(sample([4, 4], 3));
    const { y } = await outcomeOf(made({ iterations: 15, groupSize: 2 }, [4]), mixed);
    const covariance = (a: number, b: number): number => Array.from({ length: 64 }, (_, n) => y[4 * n + a] * y[4 * n + b]).reduce((p, q) => p + q) / 64;
    for (const [a, b, wanted] of [[0, 0, 1], [1, 1, 1], [0, 1, 0], [2, 2, 1], [3, 3, 1], [2, 3, 0]]) expect(covariance(a, b)).toBeCloseTo(wanted, 3);
    expect(Math.abs(covariance(0, 2))).toBeGreaterThan(0.05);
  });

  it('in groups of one channel is batchNorm', async () => {
    const x = sample([4, 3, 2]);
    const plain = nn.batchNorm();
    plain.build([3, 2]);
    expectOutcome(await outcomeOf(made({ groupSize: 1, iterations: 1 }, [3, 2]), x), await outcomeOf(plain, x), 3e-6);
  });

  it('follows the paper step by step', async () => {
    const x = tensor([[1, 0], [3, 1], [2, 5], [0, 2]]);
    const { y, runningWhitening } = await outcomeOf(made({ iterations: 2, epsilon: 0.1, decay: 0.5 }, [2]), x);
    const centered = [[-0.5, -2], [1.5, -1], [0.5, 3], [-1.5, 0]];
    const times = (a: number[][], b: number[][]): number[][] => a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));
    const covariance = [0, 1].map((i) => [0, 1].map((j) => centered.reduce((sum, row) => sum + row[i] * row[j], 0) / 4 + (i === j ? 0.1 : 0)));
    const trace = covariance[0][0] + covariance[1][1];
    let p = [[1, 0], [0, 1]];
    for (let k = 0; k < 2; k++) {
      const cubed = times(times(p, p), times(p, covariance.map((row) => row.map((v) => v / trace))));
      p = p.map((row, i) => row.map((v, j) => 1.5 * v - 0.5 * cubed[i][j]));
    }
    const whitening = p.map((row) => row.map((v) => v / Math.sqrt(trace)));
    expectOutcome({ y, runningWhitening }, {
      y: times(centered, whitening).flat(), runningWhitening: whitening.flatMap((row, i) => row.map((v, j) => 0.5 * v + (i === j ? 0.5 : 0))),
    }, 2e-6);
  });

  it('evaluates by its averages', async () => {
    const layer = made({ axis: 1, groupSize: 2 }, [2, 3]);
    layer.runningMean.write([1, 2]);
    layer.runningWhitening.write([1, 2, 3, 4]);
    const y = await layer.forward(tensor([[[1, 2, 3], [2, 3, 4]]])).array();
    expect(y).toEqual([[[0, 3, 6], [0, 7, 14]]]);
  });
});

describe('decorrelatedBatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const layer = made({ groupSize: 2, iterations: 3, axis: 1 }, [4, 3]);
    await checkLayerGradient(layer, [4, 4, 3], (x) => layer.forward(x), { tolerance: 1e-5 });
  });

  it('does not move the whitening where a mask leaves one value or none', async () => {
    for (const kept of [0, 1]) {
      const layer = nn.decorrelatedBatchNorm();
      const mask = tensor(Float32Array.from({ length: 6 }, (_, i) => (i < kept ? 1 : 0)), [3, 2]);
      const step = compile('masked', ({ x }) => ({ y: layer.forward(x, { mask }) }));
      for (let i = 0; i < 20; i++) await step({ x: sample([3, 2, 2], i) });
      expect([...await layer.runningWhitening.read()]).toEqual([1, 0, 0, 1]);
    }
  });

  it('leaves masked values out', async () => {
    const layer = made({}, [2, 3]);
    const mask = tensor([[1, 1], [1, 0], [1, 1]]);
    const x = sample([3, 2, 3]);
    const junk = x.add(mask.eq(0).cast('f32').mul(50).expandDims(-1));
    const run = async (t: typeof x): Promise<number[]> => [...await withMode('train', () => layer.forward(t, { mask })).data()].filter((_, i) => Math.floor(i / 3) !== 3);
    expectOutcome({ y: await run(junk) }, { y: await run(x) }, 1e-5);
  });

  it('refuses groups that do not divide the channels', () => {
    expect(faultText(() => made({ groupSize: 4 }, [6]))).toEqual([
      'E316 decorrelatedBatchNorm: groupSize must divide the channels.', '6 channels   groupSize 4', 'in model (decorrelatedBatchNorm)', 'Fix: groupSize: 3 divides 6']);
  });
});

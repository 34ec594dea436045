import { beforeAll, describe, expect, it, vi } from 'vitest';
import { compile, configure, nn } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { ChannelStatistics } from '../../../src/tensor/index.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const made = <L extends nn.Normalization>(layer: L, shape: readonly number[] = [3]): L => {
  layer.build(shape);
  return layer;
};
const stateOf = async (layer: nn.Normalization): Promise<Record<string, number[]>> => ({
  runningMean: [...await layer.runningMean.read()], runningVariance: [...await layer.runningVariance.read()],
});

describe.for(['oracle', 'wasm'] as const)('accumulatedBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  const large = sample([9, 3]);
  const micro = (from: number, to: number): Tensor => large.slice([from, 0], [to, 3]);

  it('moves its running statistics once, by those of the large batch', async () => {
    const layer = made(nn.accumulatedBatchNorm({ microBatches: 3 }));
    const step = compile('step', ({ x }) => ({ y: layer.forward(x) }));
    await step({ x: micro(0, 2) });
    await step({ x: micro(2, 6) });
    expect(await stateOf(layer)).toEqual({ runningMean: [0, 0, 0], runningVariance: [1, 1, 1] });
    const { y } = await step({ x: micro(6, 9) });
    const whole = await outcomeOf(made(nn.batchNorm()), large);
    expectOutcome(await stateOf(layer), { runningMean: whole.runningMean, runningVariance: whole.runningVariance }, 1e-6);
    expectOutcome({ y: [...await y.data()] }, { y: whole.y.slice(18) }, 2e-6);
    expect([...await layer.accumulatedCount.read(), ...await layer.accumulatedSteps.read(), ...await layer.accumulatedM2.read()]).toEqual([0, 0, 0, 0, 0]);
    step.dispose();
  });

  it('with one micro-batch is batchNorm', async () => {
    expectOutcome(await outcomeOf(made(nn.accumulatedBatchNorm({ microBatches: 1 })), large), await outcomeOf(made(nn.batchNorm()), large), 1e-6);
  });

  it('normalizes by the micro-batch alone if asked to', async () => {
    const layer = made(nn.accumulatedBatchNorm({ microBatches: 2, normalizeBy: 'own' }));
    await outcomeOf(layer, micro(0, 4));
    const { y, dx } = await outcomeOf(made(nn.batchNorm()), micro(4, 9));
    expectOutcome(await outcomeOf(layer, micro(4, 9)), { y, dx }, 1e-6);
  });

  // Not on the oracle: in f64 nothing is left out of a mean, and then it is kept in f32.
  it.runIf(backend === 'wasm').each([[2, 4], [8, 4], [8, 64]])('keeps the variance of %i micro-batches of %i where the mean is ten thousand times the deviation', async (microBatches, rows) => {
    const layer = made(nn.accumulatedBatchNorm({ microBatches, decay: 0, estimator: 'population' }));
    const data = Float32Array.from(await sample([microBatches * rows, 3]).data(), (value) => value + 1e4);
    const step = compile('step', ({ x }) => ({ y: layer.forward(x) }));
    for (let i = 0; i < microBatches; i++) await step({ x: { data: data.slice(i * rows * 3, (i + 1) * rows * 3), shape: [rows, 3] } });
    step.dispose();
    const exact = ChannelStatistics.of(data, [microBatches * rows, 3]).variance();
    (await layer.runningVariance.read()).forEach((variance, c) => expect(Math.abs(variance / exact[c] - 1)).toBeLessThan(2e-6));
  });

  it('leaves out a micro-batch that is not finite, and says so', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    const layer = made(nn.accumulatedBatchNorm({ microBatches: 2 }));
    await outcomeOf(layer, micro(0, 4).div(0));
    await outcomeOf(layer, micro(4, 9));
    const { runningMean, runningVariance } = await outcomeOf(made(nn.batchNorm()), micro(4, 9));
    expectOutcome(await stateOf(layer), { runningMean, runningVariance }, 1e-6);
    expect(warn.mock.calls).toEqual([[expect.stringContaining('accumulatedBatchNorm: the statistics of a batch were not finite')]]);
    warn.mockRestore();
  });
});

describe('accumulatedBatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const layer = made(nn.accumulatedBatchNorm({ microBatches: 2 }));
    layer.accumulatedCount.write([4]);
    layer.accumulatedMean.write([0.5, 0, -0.5]);
    layer.accumulatedM2.write([4, 5, 6]);
    await checkLayerGradient(layer, [4, 3], (x) => layer.forward(x), { tolerance: 1e-5 });
  });

  it('refuses other options', () => {
    expect(() => nn.accumulatedBatchNorm({ microBatches: 1.5 })).toThrow('E101 accumulatedBatchNorm: microBatches must be a whole number from 1');
    expect(() => nn.accumulatedBatchNorm({ microBatches: 2, normalizeBy: 'all' as never })).toThrow('E101 accumulatedBatchNorm: there is no normalizeBy "all"');
  });
});

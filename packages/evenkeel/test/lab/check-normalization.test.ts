import { describe, expect, it } from 'vitest';
import { checkNormalization, nn, withGradient } from '../../src/index.ts';
import type { CheckNormalizationOptions, Tensor } from '../../src/index.ts';
import { FirstLayer, SecondLayer } from './seed-layers.ts';
import { UserNorm } from '../support/norm-mutants.ts';
import type { Mistakes } from '../support/norm-mutants.ts';

/** `code` of faults and `(code)` of warnings. */
async function codes(layer: nn.Model | (() => nn.Model), options: CheckNormalizationOptions = {}): Promise<string[]> {
  const { findings } = await checkNormalization(layer, options);
  return findings.map(({ code, severity }) => (severity === 'fault' ? code : `(${code})`));
}

describe('checkNormalization', () => {
  it('finds nothing in a batch normalization that is right, and measures it', async () => {
    const report = await checkNormalization(new UserNorm(), { decay: 0.9, epsilon: 1e-3 });
    expect(String(report)).toBe('UserNorm on [6, 5, 4], expected batch normalization over axis 0 (samples) and axis 1: no faults.\n' +
      'Measured: axes [0, 1], decay 0.9, estimator population, epsilon 0.001.');
    expect(report.ok).toBe(true);
  });

  const mistakes: readonly (readonly [string, Mistakes, readonly string[]])[] = [
    ['other axes', { axes: [1], update: 'never' }, ['wrong-axes', 'never-updated']],
    ['divided by the variance', { form: 'unrooted' }, ['divides-by-variance']],
    ['the mean not subtracted', { form: 'uncentered' }, ['not-centered']],
    ['nothing divided', { form: 'centered only' }, ['not-scaled']],
    ['a fixed factor', { form: 'absolute' }, ['not-normalized']],
    ['running statistics in training', { form: 'running' }, ['training-by-running', 'gradient']],
    ['running statistics in training that do not move', { form: 'running', update: 'never' }, ['training-by-running', 'never-updated']],
    ['an activation inside', { form: 'tanh' }, ['unrecognized']],
    ['E[x^2] - E[x]^2', { form: 'one pass' }, ['(cancellation)']],
    ['statistics as constants', { constant: 'both' }, ['gradient']],
    ['the variance as constant', { constant: 'variance' }, ['gradient']],
    ['a factor that is added', { factor: 'added' }, ['adds-statistics', 'scale-as-offset']],
    ['a factor that is not used', { factor: 'unused' }, ['unused-param']],
    ['a factor that starts at random', { factor: 'random' }, ['scale-start']],
    ['an offset that starts at 1', { shift: 1 }, ['shift-start']],
    ['trained running statistics', { statisticsAreParams: true }, ['trainable-statistics', 'trainable-statistics']],
    ['no update', { update: 'never' }, ['never-updated']],
    ['update in evaluation', { update: 'always', evaluation: 'batch' }, ['frozen-moves', 'evaluation-updates', 'train-equals-eval']],
    ['weights that add up to 1.8', { update: 'sum' }, ['not-an-average', 'not-an-average']],
    ['no running variance', { update: 'mean only' }, ['no-running-variance']],
    ['running averages of the maximum', { update: 'of something else' }, ['no-running-mean', 'no-running-variance']],
    ['the weights exchanged', { decay: 0.1 }, ['wrong-side', 'wrong-side']],
    ['evaluation by the batch', { evaluation: 'batch' }, ['train-equals-eval']],
    ['evaluation without running statistics', { evaluation: 'ignore' }, ['evaluation-ignores-running']],
    ['evaluation by the variance itself', { evaluation: 'unrooted' }, ['evaluation-formula']],
    ['mean and variance exchanged', { evaluation: 'swapped' }, ['evaluation-formula']],
    ['evaluation that does not center', { evaluation: 'uncentered' }, ['evaluation-formula']],
    ['the unbiased variance in training', { unbiased: true }, ['unbiased-training']],
    ['the unbiased variance without a factor', { unbiased: true, scale: false }, ['unbiased-training']],
    ['epsilon outside of the root', { epsilonOutside: true }, ['epsilon-outside']],
    ['epsilon outside of the root of an unbiased variance', { epsilonOutside: true, unbiased: true }, ['unbiased-training', 'epsilon-outside']],
    ['the root of a running deviation', { running: 'deviation' }, ['evaluation-formula']],
    ['silence at one value', { unguarded: true }, ['(one-value)']],
    ['no epsilon', { epsilon: 0 }, ['no-epsilon']],
    ['a large epsilon', { epsilon: 0.5 }, ['epsilon']],
    ['NaN in running statistics', { poisoned: true }, ['(poisoned)']],
    ['a frozen layer that moves', { unfrozen: true }, ['frozen-moves']],
    ['one size of batch', { fixedBatch: true }, ['batch-size', 'batch-size']],
  ];

  it.each(mistakes)('names %s', async (_, mistake, expected) => {
    const report = await checkNormalization(new UserNorm(mistake), {});
    expect(await codes(new UserNorm(mistake)), String(report)).toEqual(expected);
  });
});

describe('what it says', () => {
  const said = async (mistakes: Mistakes, options: CheckNormalizationOptions = {}): Promise<string[]> =>
    (await checkNormalization(new UserNorm(mistakes), options)).findings.map(({ message }) => message);

  it('of the unbiased variance in training, that training is wrong and not evaluation', async () => {
    expect(await said({ unbiased: true }, { shape: [6, 4] })).toEqual(['training divides by the unbiased deviation (of 6 - 1 values): its outputs are 8.71 % too small']);
  });

  it('of an epsilon outside of the root, where it is and how large', async () => {
    expect(await said({ epsilonOutside: true, epsilon: 1e-5 })).toEqual([expect.stringMatching(/^epsilon, 0.00001, is added to the deviation, outside of the root/)]);
  });

  it('of running statistics, which of them is taken for what', async () => {
    expect(await said({ running: 'deviation' })).toEqual(['evaluation takes the root of movingVariance, which follows the deviation, not the variance']);
    expect(await said({ evaluation: 'swapped' })).toEqual([
      'evaluation takes movingVariance, which follows the variance, for the mean, and movingMean, which follows the mean, for the variance']);
  });

  it('of E[x^2] - E[x]^2, in a small batch too', async () => {
    expect(await said({ form: 'one pass' }, { shape: [4, 3] })).toEqual([expect.stringMatching(/^far from zero/)]);
  });
});

describe('the layers of two articles', () => {
  it('names what keeps the first one from running: a shape of a shape, an offset that hangs on the factor', async () => {
    const without = { scale: () => new FirstLayer({ scale: false, mended: true }), center: () => new FirstLayer({ center: false, mended: true }) };
    const report = await checkNormalization(new FirstLayer(), { without });
    expect(report.findings.map(({ message }) => message)).toEqual([
      'training stops with E201 mul: shapes must agree from the last axis on, or be 1; a [6, 5, 4]   b [3] 4 (a, axis 2) != 3 (b, axis 0)',
      'evaluation stops with E201 mul: shapes must agree from the last axis on, or be 1; a [6, 5, 4]   b [3] 4 (a, axis 2) != 3 (b, axis 0)',
      'gamma has 3 values, the normalized values have 4 channels',
      expect.stringMatching(/^the factor gamma starts at .*, different for every channel$/),
      'beta has 3 values, the normalized values have 4 channels',
      "without scale training stops with TypeError: Cannot read properties of undefined (reading 'value')",
      "without scale evaluation stops with TypeError: Cannot read properties of undefined (reading 'value')",
      'without center beta is there all the same',
    ]);
  });

  it('names what is left when the first one runs: axes, no update, train = eval', async () => {
    const report = await checkNormalization(new FirstLayer({ mended: true }));
    expect(report.findings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^the factor gamma starts at/),
      'statistics are taken over axis 2 (channels), expected was axis 0 (samples) and axis 1',
      'training never changes movingMean and movingVar',
      'evaluation takes statistics of its own input over axis 2 (channels), not the running ones',
    ]);
  });

  it('names what keeps the second one from running, and what can be seen all the same', async () => {
    const report = await checkNormalization(new SecondLayer(), { shape: [6, 4] });
    expect(report.findings.map(({ message }) => message)).toEqual([
      'training stops with E201 sub: shapes must agree from the last axis on, or be 1; a [6, 4]   b [6] 4 (a, axis 1) != 6 (b, axis 0)',
      expect.stringMatching(/^the factor gamma starts at/),
      'evaluation does not depend on any running statistics: what training measured is lost',
      'gamma1 is neither read nor written in any mode',
      'beta1 is neither read nor written in any mode',
    ]);
    // With as many samples as channels the shapes agree by accident, and the running averages that nobody made are missed next.
    const square = await checkNormalization(new SecondLayer(), { shape: [4, 4] });
    expect(square.findings[0].message).toMatch(/^training stops with TypeError: Cannot read properties of undefined/);
  });

  it('names what is left when the second one runs: wrong side, gamma as an offset, constants in evaluation', async () => {
    const mended = await codes(new SecondLayer({ mended: 'until it runs' }), { shape: [6, 4] });
    expect(mended).toEqual(['scale-start', 'wrong-axes', 'adds-statistics', 'scale-as-offset', 'batch-size', 'batch-size', '(poisoned)', 'frozen-moves',
      'wrong-side', 'wrong-side', 'evaluation-ignores-running', '(unused-state)', '(unused-state)']);
    const report = await checkNormalization(new SecondLayer({ mended: 'the axes' }), { shape: [6, 4], decay: 0.9 });
    expect(report.findings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^the factor gamma starts at/),
      "a multiple of the batch's deviation is added to the normalized values, by gamma: the output still depends on the scale of x",
      "gamma is added (times the batch's deviation), never multiplied: no channel can be scaled",
      'with one value per channel training does not refuse: its output is the offset, whatever the input, and the running variance moves towards 0',
      'one NaN in a batch makes movingMean and movingVariance NaN for good',
      'after freeze() training still changes movingMean and movingVariance',
      'movingMean keeps 0.1 of its old value and takes 0.9 of the new one: it follows single batches (expected decay 0.9)',
      'movingVariance keeps 0.1 of its old value and takes 0.9 of the new one: it follows single batches (expected decay 0.9)',
      'evaluation does not depend on movingMean and movingVariance: what training measured is lost',
      'gamma1 is neither read nor written in any mode',
      'beta1 is neither read nor written in any mode',
    ]);
    expect(String(report)).toContain('7 faults, 4 warnings.\n');
    expect(String(report)).toContain('   Fix: exchange the weights: next = decay * old + (1 - decay) * new, with decay = 1 - momentum of PyTorch.');
  });
});

describe('the layers of the library', () => {
  const layers: readonly (readonly [string, () => nn.Model, CheckNormalizationOptions])[] = [
    ['batchNorm [N, C]', () => nn.batchNorm(), { shape: [6, 4], decay: 0.9, epsilon: 1e-5 }],
    ['batchNorm [N, L, C]', () => nn.batchNorm(), { without: { scale: () => nn.batchNorm({ scale: false }), center: () => nn.batchNorm({ center: false }) } }],
    ['batchNorm [N, H, W, C]', () => nn.batchNorm(), { shape: [4, 3, 2, 3] }],
    ['batchNorm [N, D, H, W, C]', () => nn.batchNorm(), { shape: [3, 2, 2, 2, 3] }],
    ['batchNorm, channels first', () => nn.batchNorm({ axis: 1 }), { axis: 1 }],
    ['batchNorm of Keras', () => nn.batchNorm({ dialect: 'keras' }), { decay: 0.99, epsilon: 1e-3 }],
    ['batchNorm, debiased', () => nn.batchNorm({ debias: true }), {}],
    ['batchNorm, cumulative', () => nn.batchNorm({ average: 'cumulative' }), {}],
    ['batchRenorm', () => nn.batchRenorm(), { decay: 0.99 }],
    ['syncBatchNorm', () => nn.syncBatchNorm(), {}],
    ['batchNorm without scale and center', () => nn.batchNorm({ scale: false, center: false }), {}],
    ['inPlaceBatchNorm without activation', () => nn.inPlaceBatchNorm({ activation: 'identity' }), {}],
    ['groupNorm of one group', () => nn.groupNorm({ groups: 1 }), { over: [1, 2] }],
    ['pixelNorm', () => nn.pixelNorm(), { over: 'layer', centered: false }],
    ['layerNorm', () => nn.layerNorm(), { over: 'layer', epsilon: 1e-5 }],
    ['layerNorm over two axes', () => nn.layerNorm({ axes: [1, 2] }), { over: [1, 2] }],
    ['instanceNorm', () => nn.instanceNorm(), { over: 'instance', shape: [4, 3, 3, 2] }],
    ['rmsNorm', () => nn.rmsNorm(), { over: 'layer', centered: false }],
  ];

  it.each(layers)('%s pass', async (_, make, options) => {
    const report = await checkNormalization(make, options);
    expect(report.findings, String(report)).toEqual([]);
  });

  it('are told apart', async () => {
    expect(await codes(nn.instanceNorm(), { shape: [4, 3, 3, 2] })).toEqual(['wrong-axes', 'never-updated', 'train-equals-eval']);
    expect(await codes(nn.batchNorm(), { over: 'layer' })).toEqual(['wrong-axes', 'mixes-samples', 'mode-dependent']);
    expect(await codes(nn.layerNorm(), { over: 'layer', centered: false })).toEqual(['centered']);
    expect(await codes(nn.rmsNorm(), { over: 'layer' })).toEqual(['not-centered']);
    expect(await codes(nn.batchNorm({ update: false }))).toEqual(['never-updated']);
    expect(await codes(nn.batchNorm({ decay: 0.1 }), { decay: 0.9 })).toEqual(['wrong-side', 'wrong-side']);
    expect(await codes(nn.batchNorm({ decay: 0.8 }), { decay: 0.9 })).toEqual(['decay', 'decay']);
    expect(await codes(nn.batchNorm({ epsilon: 1e-3 }), { epsilon: 1e-5 })).toEqual(['epsilon']);
  });

  it('are left as they were', async () => {
    const layer = nn.batchNorm();
    layer.build([4]);
    layer.runningMean.write([1, 2, 3, 4]);
    layer.shift!.trainable = false;
    await checkNormalization(layer);
    expect([...(await layer.runningMean.read())]).toEqual([1, 2, 3, 4]);
    expect([layer.frozen, layer.scale!.trainable, layer.shift!.trainable]).toEqual([false, true, false]);
  });
});

describe('other findings', () => {
  it('an output of another shape, NaN, a constant, a layer that cannot be built', async () => {
    expect(await codes(nn.layer((x) => x.sum(-1)), { over: 'layer' })).toEqual(['output-shape']);
    expect(await codes(nn.layer((x) => x.mul(0).div(0)), { over: 'layer' })).toEqual(['output-not-finite']);
    expect(await codes(nn.layer((x) => x.mul(0)), { over: 'layer' })).toEqual(['constant-output']);
    expect(await codes(nn.layer(() => { throw new TypeError('no'); }), { over: 'layer' })).toEqual(['fails', 'fails']);
  });

  it('a second gradient that is wrong', async () => {
    const forgetful = nn.layer((x) => withGradient(x.sub(x.mean(-1, { keepDims: true })).div(x.variance(-1, { keepDims: true }).add(1e-5).sqrt()), [x], (g, y) => {
      const deviation = x.variance(-1, { keepDims: true }).add(1e-5).sqrt().stopGradient();
      const mean = (v: Tensor): Tensor => v.mean(-1, { keepDims: true });
      return [g.sub(mean(g)).sub(y.stopGradient().mul(mean(g.mul(y.stopGradient())))).div(deviation)];
    }));
    expect(await codes(forgetful, { over: 'layer' })).toEqual(['(second-gradient)']);
  });

  it('refuses options that cannot be', async () => {
    await expect(checkNormalization(nn.batchNorm(), { axis: 0 })).rejects.toThrow('E101 checkNormalization: axis must name an axis of [6, 5, 4] other than the batch.\n     got 0\n     Fix: for example axis: -1');
    await expect(checkNormalization(nn.batchNorm(), { over: [7] })).rejects.toThrow('E101 checkNormalization: over must name axes of [6, 5, 4]');
    await expect(checkNormalization(nn.batchNorm(), { shape: [1, 4] })).rejects.toThrow('E101 checkNormalization: shape must have two samples or more');
  });
});

import { beforeAll, describe, it } from 'vitest';
import { configure, nn } from '../../../src/index.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const made = (options: nn.L1BatchNormOptions = {}): nn.L1BatchNorm => {
  const layer = nn.l1BatchNorm(options);
  layer.build([3, 2]);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('l1BatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it('divides by the mean absolute deviation, as of normal values', async () => {
    const x = sample([4, 3, 2]);
    const values = [...await x.data()];
    const channel = (c: number): number[] => values.filter((_, i) => i % 2 === c);
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b) / list.length;
    const means = [0, 1].map((c) => mean(channel(c)));
    const deviations = [0, 1].map((c) => Math.sqrt(Math.PI / 2) * mean(channel(c).map((v) => Math.abs(v - means[c]))));
    expectOutcome(await outcomeOf(made({ epsilon: 0.01 }), x), {
      y: values.map((value, i) => (value - means[i % 2]) / (deviations[i % 2] + 0.01)),
      runningMean: means.map((m) => 0.1 * m), runningVariance: deviations.map((s) => 0.9 + 0.1 * s * s),
    }, 1e-6);
  });

  it('leaves masked values out', async () => {
    const layer = made();
    const mask = sample([4, 3], 9).gt(-0.5);
    const x = sample([4, 3, 2]);
    const junk = x.add(mask.not().cast('f32').mul(1e3).expandDims(-1));
    const [a, b] = [await outcomeOf(layer, x, (t) => layer.forward(t, { mask })), await outcomeOf(made(), junk, (t) => layer.forward(t, { mask }))];
    const counts = [...await mask.cast('f32').data()];
    const kept = (y: readonly number[]): number[] => y.filter((_, i) => counts[Math.floor(i / 2)] === 1);
    expectOutcome({ y: kept(b.y) }, { y: kept(a.y) }, 1e-6);
  });
});

describe('l1BatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const layer = made();
    await checkLayerGradient(layer, [4, 3, 2], (x) => layer.forward(x), { tolerance: 1e-5 });
  });
});

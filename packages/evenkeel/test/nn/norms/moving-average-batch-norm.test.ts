import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, grad, nn } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const EPSILON = 1e-5;

const made = (options: nn.MovingAverageBatchNormOptions): nn.MovingAverageBatchNorm => {
  const layer = nn.movingAverageBatchNorm(options);
  layer.build([3]);
  return layer;
};

/** The paper's layer in plain numbers, after its authors' code; x and g are [N, 3]. */
class Reference {
  private readonly squares: number[][] = [];
  private readonly slopes: number[][] = [];
  private running = [1, 1, 1];
  private readonly options: { readonly buffer: number; readonly warmup: number; readonly correctAfter: number; readonly limit: number; readonly decay: number };

  constructor(options: Reference['options']) {
    this.options = options;
  }

  step(x: readonly number[], g: readonly number[]): { y: number[]; dx: number[]; runningVariance: number[] } {
    const { buffer, warmup, correctAfter, limit, decay } = this.options;
    const mean = (list: readonly number[]): number[] => [0, 1, 2].map((c) => list.filter((_, i) => i % 3 === c).reduce((a, b) => a + b) * 3 / list.length);
    const recent = (list: readonly number[][]): number[] => [0, 1, 2].map((c) => list.slice(-buffer).reduce((sum, row) => sum + row[c], 0) / buffer);
    const warm = this.squares.length >= Math.max(warmup, buffer);
    const corrects = this.squares.length >= Math.max(correctAfter, warmup, buffer);
    this.squares.push(mean(x.map((v) => v * v)));
    const variance = warm ? recent(this.squares) : this.squares.at(-1)!;
    const r = variance.map((v, c) => (corrects ? Math.min(limit, Math.max(1 / limit, Math.sqrt((v + EPSILON) / (this.running[c] + EPSILON)))) : 1));
    const z = x.map((v, i) => v / Math.sqrt(variance[i % 3] + EPSILON));
    const inner = g.map((v, i) => v * r[i % 3]);
    this.slopes.push(mean(inner.map((v, i) => v * z[i])));
    const slope = warm ? recent(this.slopes) : this.slopes.at(-1)!;
    this.running = this.running.map((old, c) => decay * old + (1 - decay) * variance[c]);
    return {
      y: z.map((v, i) => v * r[i % 3]), runningVariance: this.running,
      dx: inner.map((v, i) => (v - z[i] * slope[i % 3]) / Math.sqrt(variance[i % 3] + EPSILON)),
    };
  }
}

describe.for(['oracle', 'wasm'] as const)('movingAverageBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.for([[2, 2, 4, 5], [3, 4, 0, 1.05], [1, 0, 0, 5]] as const)('follows the paper with buffer %i, warm-up %i, correction after %i, limit %f', async ([buffer, warmup, correctAfter, limit]) => {
    const layer = made({ buffer, warmup, correctAfter, limit, decay: 0.75, epsilon: EPSILON, scale: false, center: false });
    const reference = new Reference({ buffer, warmup, correctAfter, limit, decay: 0.75 });
    const step = compile('step', ({ x, g }) => {
      const y = layer.forward(x);
      return { y, dx: grad(y.mul(g).sum(), [x])[0] };
    });
    for (let i = 0; i < 8; i++) {
      const [x, g] = [sample([2, 3], i).mul(1 + i % 3), sample([2, 3], 50 + i)];
      const got = await step({ x, g });
      const values = async (t: Tensor): Promise<number[]> => [...await t.data()];
      expectOutcome({ y: await values(got.y), dx: await values(got.dx), runningVariance: [...await layer.runningVariance.read()] },
        reference.step(await values(x), await values(g)), 5e-6);
    }
    expect([...await layer.runningMean.read()]).toEqual([0, 0, 0]);
    step.dispose();
  });

  it('keeps its memory from batches that are not finite', async () => {
    const layer = made({ buffer: 2, warmup: 0 });
    await outcomeOf(layer, sample([2, 3]));
    const before = await outcomeOf(layer, sample([2, 3]).div(0));
    expect([...before.recentSquares, ...before.recentSlopes, ...before.runningVariance].every(Number.isFinite)).toBe(true);
  });

  it('evaluates as batchNorm that does not center', async () => {
    const layer = made({ epsilon: 0 });
    await outcomeOf(layer, sample([4, 3]));
    const variance = await layer.runningVariance.read();
    const x = sample([1, 3], 6);
    const y = [...await x.data()].map((value, c) => value / Math.sqrt(variance[c]));
    expectOutcome({ y: [...await layer.forward(x).data()] }, { y }, 1e-6);
  });
});

describe('movingAverageBatchNorm', () => {
  it('with one step and no correction is batch normalization without centering, gradients included', async () => {
    const layer = nn.movingAverageBatchNorm({ buffer: 1, warmup: 0, limit: 1, axis: 1 });
    layer.build([3, 2]);
    await checkLayerGradient(layer, [4, 3, 2], (x) => {
      const { scale, shift } = layer;
      const wide = (t: Tensor): Tensor => t.reshape([1, 3, 1]);
      const rms = x.mul(x.square().mean([0, 2], { keepDims: true }).add(1e-5).rsqrt()).mul(wide(scale!.value)).add(wide(shift!.value));
      // Equal values, so that their difference adds nothing to the derivative by differences; its gradient must be 0 too.
      return rms.add(layer.forward(x).sub(rms).mul(3));
    }, { tolerance: 1e-5 });
  });

  it('refuses options out of range', () => {
    expect(() => nn.movingAverageBatchNorm({ buffer: 0 })).toThrow('E101 movingAverageBatchNorm: buffer must be a whole number from 1');
    expect(() => nn.movingAverageBatchNorm({ limit: 0.5 })).toThrow('E101 movingAverageBatchNorm: limit must be at least 1');
    expect(() => nn.movingAverageBatchNorm({ warmup: -1 })).toThrow('E101 movingAverageBatchNorm: warmup must not be negative');
  });
});

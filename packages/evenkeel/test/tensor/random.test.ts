import { describe, expect, it } from 'vitest';
import { withMode } from '../../src/runtime/index.ts';
import { compile, dropout, grad, noise, ones, random, tensor } from '../../src/tensor/index.ts';
import { faultText } from '../support/fault-text.ts';

function stats(data: ArrayLike<number>): { mean: number; variance: number } {
  const values = Array.from(data);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length };
}

describe('random', () => {
  it('draws the same numbers for the same seed', () => {
    const draw = (seed: number, stream = 0) => random.normal([4], { seed, stream }).known;
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1, 1)).not.toEqual(draw(1));
  });

  it('has the moments of its distributions', () => {
    const u = stats(random.uniform([4000], { seed: 1, low: -1, high: 3 }).known!);
    expect(u.mean).toBeCloseTo(1, 1);
    expect(u.variance).toBeCloseTo(16 / 12, 1);
    const n = stats(random.normal([4000], { seed: 1, mean: 2, deviation: 0.5 }).known!);
    expect(n.mean).toBeCloseTo(2, 1);
    expect(n.variance).toBeCloseTo(0.25, 1);
  });
});

describe('noise', () => {
  it('is new in every run of a step, and the same again from the same step number', async () => {
    const make = () => compile('draw', () => ({ n: noise.normal([2000], { seed: 5 }), u: noise.uniform([2000], { seed: 5 }) }));
    const [one, two] = [make(), make()];
    const first = await one();
    const second = await one();
    expect(second.n.known).not.toEqual(first.n.known);
    two.counter.write([1]);
    expect((await two()).n.known).toEqual(second.n.known);
    const [n, u] = [stats(first.n.known!), stats(first.u.known!)];
    expect(n.mean).toBeCloseTo(0, 1);
    expect(n.variance).toBeCloseTo(1, 0);
    expect(u.mean).toBeCloseTo(0.5, 1);
  });
});

describe('dropout', () => {
  const x = ones([1000]);

  it('drops about the share asked for and keeps the mean', async () => {
    const y = await withMode('train', () => dropout(x, 0.25)).data();
    expect([...new Set(y)].map((v) => v.toFixed(4)).toSorted()).toEqual(['0.0000', '1.3333']);
    expect(stats(y).mean).toBeCloseTo(1, 1);
  });

  it('sends the gradient through the values it kept', async () => {
    const step = compile('drop', () => {
      const y = dropout(x, 0.5);
      return { y, g: grad(y.sum(), [x])[0] };
    });
    const { y, g } = await step();
    expect(g.known).toEqual(y.known);
  });

  it('is the identity in eval mode and for rate 0', async () => {
    expect(dropout(x, 0.5).node).toBe(x.node);
    const step = compile('eval', ({ v }) => ({ y: dropout(v, 0.5) }), { mode: 'eval' });
    expect(await (await step({ v: tensor([1, 2]) })).y.array()).toEqual([1, 2]);
  });

  it('E222 refuses a rate that keeps nothing', () => {
    expect(faultText(() => dropout(x, 1))).toEqual([
      'E222 dropout: rate must be in 0 .. 1, the share of values to drop.', 'got 1', 'Fix: for keeping 90%, give rate 0.1',
    ]);
  });
});

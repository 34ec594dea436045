/** Row 6.1.8: what holds for batch normalization whatever the values are. */
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, grad, nn, tensor, type Tensor } from '../../src/index.ts';
import { goldenUniform } from '../support/golden-data.ts';
import { goldenBackends } from '../support/norm-runner.ts';

const [samples, features, channels] = [32, 5, 3];
const uniform = (seed: number, shape: readonly number[]): Tensor => tensor(goldenUniform(seed, shape.reduce((a, b) => a * b), 2), shape);
const x = uniform(1, [samples, features]);
const upstream = uniform(2, [samples, channels]);

// Sums of 32 to 96 products of values below 4, in f32.
const TOLERANCE = 4e-5;

describe.for(goldenBackends)('invariances of batch normalization, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it('dx sums to 0 over each channel, alone and weighted by the output', async () => {
    const norm = nn.batchNorm({ epsilon: 1e-12 });
    const step = compile('sums', ({ x, upstream }) => {
      const y = norm.forward(x);
      const [dx] = grad(y.mul(upstream).sum(), [x]);
      return { plain: dx.sum(0), weighted: dx.mul(y).sum(0) };
    });
    const { plain, weighted } = await step({ x: uniform(3, [samples, channels]), upstream });
    await expectZero(plain);
    await expectZero(weighted);
  });

  it('a bias in front has no gradient, and the gradient of a weight is at right angles to each row of it', async () => {
    const [linear, norm] = [nn.linear(channels), nn.batchNorm({ epsilon: 0 })];
    linear.build([features]);
    norm.build([channels]);
    const step = compile('linear', ({ x, upstream }) => {
      const y = norm.forward(linear.forward(x));
      const [dw, db] = grad(y.mul(upstream).sum(), [linear.weight, linear.bias!]);
      return { db, along: dw.mul(linear.weight.value).sum(0) };
    });
    const { db, along } = await step({ x, upstream });
    await expectZero(db);
    await expectZero(along);
  });

  it('the output does not see a factor or an offset of the input', async () => {
    const norm = nn.batchNorm({ epsilon: 0 });
    const step = compile('scaled', ({ x }) => ({ difference: norm.forward(x.mul(8).add(3)).sub(norm.forward(x)) }));
    await expectZero((await step({ x })).difference);
  });
});

async function expectZero(values: Tensor): Promise<void> {
  expect(Math.max(...[...await values.data()].map(Math.abs))).toBeLessThan(TOLERANCE);
}

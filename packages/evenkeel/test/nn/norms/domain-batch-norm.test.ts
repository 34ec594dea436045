import { beforeAll, describe, expect, it } from 'vitest';
import { compile, concat, configure, nn, tensor, withMode } from '../../../src/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const domains = ['photo', 'drawing'];
const made = (options: Partial<nn.DomainBatchNormOptions> = {}, shape: readonly number[] = [3, 2]): nn.DomainBatchNorm => {
  const layer = nn.domainBatchNorm({ domains, ...options });
  layer.build(shape);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('domainBatchNorm, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it('keeps statistics and affine parts by domain', async () => {
    const layer = made();
    expect([...layer.namedParams().keys()]).toEqual(['scale', 'shift', 'drawing.scale', 'drawing.shift']);
    const x = sample([4, 3, 2]);
    const got = await outcomeOf(layer, x, (t) => layer.forward(t, { domain: 'drawing' }));
    const plain = nn.batchNorm();
    plain.build([3, 2]);
    const { y, dx, runningMean, runningVariance, 'd scale': dScale } = await outcomeOf(plain, x);
    expectOutcome(got, { y, dx, 'drawing.runningMean': runningMean, 'drawing.runningVariance': runningVariance, 'd drawing.scale': dScale }, 1e-6);
    expect([got.runningMean, got.runningVariance, got['d scale']]).toEqual([[0, 0], [1, 1], [0, 0]]);
    const scoped = await outcomeOf(layer, x, (t) => nn.withStatisticsKey('drawing', () => layer.forward(t)));
    expectOutcome(scoped, { y, 'd drawing.scale': dScale }, 1e-6);
  });

  it('normalizes mixed batches domain by domain', async () => {
    const layer = made({ axis: 1 });
    const x = sample([5, 3, 2]);
    const mixed = await outcomeOf(layer, x, (t) => layer.forward(t, { domain: tensor(Int32Array.from([0, 1, 1, 0, 1])) }));
    const apart = made({ axis: 1 });
    const wanted = await outcomeOf(apart, x, (t) => {
      const row = (n: number) => t.slice([n, 0, 0], [n + 1, 3, 2]);
      const photo = apart.forward(concat([row(0), row(3)]), { domain: 'photo' });
      const drawing = apart.forward(concat([row(1), row(2), row(4)]), { domain: 'drawing' });
      return [[photo, 0], [drawing, 0], [drawing, 1], [photo, 1], [drawing, 2]].map(([part, n]) => (part as typeof t).slice([n as number, 0, 0], [n as number + 1, 3, 2])).reduce((a, b) => concat([a, b]));
    });
    expectOutcome(mixed, wanted, 2e-6);
  });

  it('leaves a domain alone that a mixed batch does not hold', async () => {
    const layer = made({ affine: 'shared' });
    expect([...layer.namedParams().keys()]).toEqual(['scale', 'shift']);
    const x = sample([4, 3, 2]);
    const got = await outcomeOf(layer, x, (t) => layer.forward(t, { domain: tensor(Int32Array.from([0, 0, 0, 0])) }));
    const plain = nn.batchNorm();
    plain.build([3, 2]);
    expectOutcome(got, { ...await outcomeOf(plain, x), 'drawing.runningMean': [0, 0], 'drawing.runningVariance': [1, 1] }, 1e-6);
  });
});

describe('domainBatchNorm', () => {
  it('has the gradients of finite differences', async () => {
    const layer = made();
    const domain = tensor(Int32Array.from([1, 0, 1, 0]));
    await checkLayerGradient(layer, [4, 3, 2], (x) => layer.forward(x, { domain }), { tolerance: 1e-5 });
  });

  it('refuses domains that it does not know, and numbers that do not fit', () => {
    const layer = made();
    expect(() => layer.forward(sample([4, 3, 2]), { domain: 'song' })).toThrow('E314 domainBatchNorm: the layer keeps no running statistics for "song".\n     it has photo, drawing\n' +
      "     in model (domainBatchNorm)\n     Fix: choose one of them, or add it: domainBatchNorm({ domains: ['photo', 'drawing', 'song'] })");
    expect(faultText(() => withMode('train', () => layer.forward(sample([4, 3, 2]), { domain: tensor([1, 0]) })))).toEqual([
      'E317 domainBatchNorm: the domain must be a name, or i32 [4], one for each sample.', 'input [4, 3, 2]   domain [2]', 'in model (domainBatchNorm)',
      'Fix: it is f32; reshape or cast it']);
    expect(() => layer.forward(sample([2, 3, 2]), { domain: tensor(Int32Array.of(0, 2)) })).toThrow('E402 domainBatchNorm: input "indices" indexes 2 entries and must lie in 0 .. 1');
    expect(() => nn.domainBatchNorm({ domains: [] })).toThrow('E101 domainBatchNorm: domains must name at least one');
  });

  it('refuses numbers of no domain in the data of a step, before it runs', async () => {
    const layer = made();
    const step = compile('domains', ({ x, domain }) => ({ y: layer.forward(x, { domain }) }));
    await expect(step({ x: sample([2, 3, 2]), domain: tensor(Int32Array.of(0, -1)) })).rejects.toThrow('E402 domains: input "domain" indexes 2 entries and must lie in 0 .. 1');
    expect([...await layer.runningMean.read()]).toEqual([0, 0]);
  });
});

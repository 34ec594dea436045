import { describe, expect, it } from 'vitest';
import { configure, nn, tensor } from '../../../src/index.ts';
import { checkLayerGradient } from '../../support/norm-gradient.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

const built = (layer: nn.BatchRenorm, shape: readonly number[]): nn.BatchRenorm => {
  layer.build(shape);
  return layer;
};

describe.for(['oracle', 'wasm'] as const)('batchRenorm, %s', (backend) => {
  it('begins as batchNorm, in outputs and gradients', async () => {
    await configure({ backend });
    const x = sample([4, 3, 2]);
    const plain = nn.batchNorm();
    plain.build([3, 2]);
    const { y, dx, 'd scale': dScale, 'd shift': dShift } = await outcomeOf(plain, x);
    for (const options of [{}, { limits: { rMin: 1, rMax: 1, dMax: 0 } }]) {
      expectOutcome(await outcomeOf(built(nn.batchRenorm(options), [3, 2]), x), { y, dx, 'd scale': dScale, 'd shift': dShift }, 1e-6);
    }
  });

  it('without limits gives what evaluation by its averages gives', async () => {
    await configure({ backend });
    const x = sample([4, 3]);
    const layer = built(nn.batchRenorm({ limits: {}, epsilon: 1e-3 }), [3]);
    layer.renormMean.write([0.5, 0, -1]);
    layer.renormDeviation.write([2, 0.5, 1]);
    const values = [...await x.data()];
    const wanted = values.map((value, i) => (value - [0.5, 0, -1][i % 3]) / [2, 0.5, 1][i % 3]);
    expectOutcome(await outcomeOf(layer, x), { y: wanted });
  });

  it('counts its steps once however often it is used', async () => {
    await configure({ backend });
    const layer = built(nn.batchRenorm(), [3]);
    const got = await outcomeOf(layer, sample([4, 3]), (x) => layer.forward(layer.forward(x)));
    expect(got.renormSteps).toEqual([1]);
    layer.freeze();
    expect((await outcomeOf(layer, sample([4, 3]))).renormSteps).toEqual([1]);
  });
});

describe('batchRenorm', () => {
  it('takes r and d as constants in gradients', async () => {
    // Closed limits make them so; those of Keras, in the goldens, are open.
    const layer = built(nn.batchRenorm({ limits: { rMin: 1.5, rMax: 1.5, dMax: 0 } }), [2]);
    await checkLayerGradient(layer, [5, 2], (x) => layer.forward(x), { tolerance: 1e-5 });
  });

  it('opens its limits in straight lines', async () => {
    const schedule = nn.renormSchedule({ start: 10, rMax: 3, rEnd: 30, dMax: 4, dEnd: 20 });
    const at = async (step: number): Promise<number[]> => {
      const { rMin, rMax, dMax } = schedule(tensor(step));
      return Promise.all([rMin, rMax, dMax].map((limit) => (typeof limit === 'number' ? limit : limit!.item())));
    };
    const wanted = [[0, 1, 1, 0], [10, 1, 1, 0], [15, 1 / 1.5, 1.5, 2], [20, 0.5, 2, 4], [99, 1 / 3, 3, 4]];
    for (const [step, ...limits] of wanted) (await at(step)).forEach((value, i) => expect(value, `step ${step}`).toBeCloseTo(limits[i], 6));
  });

  it('refuses decays out of range', () => {
    expect(() => nn.batchRenorm({ renormDecay: 2 })).toThrow('E101 batchRenorm: renormDecay must be in 0 .. 1, the weight of the old value');
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, grad, mse, nn, SGD, tensor, Param, type Tensor } from '../../src/index.ts';
import { expectDigest, goldenNorms, inputOf, upstreamOf, valuesOf, type Digest, type NormGolden, type Recipe } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';

interface Trained {
  readonly name: string;
  readonly options: NonNullable<NormGolden['options']>;
  readonly seed: number;
  readonly rate: number;
  readonly shape: readonly number[];
  readonly losses: readonly number[];
  readonly weight: Digest;
  readonly after: Readonly<Record<string, Digest>>;
  readonly inference: Digest;
}

const { cases, trained } = goldenNorms<{ readonly trained: readonly Trained[] }>('keras');
const plain = cases.filter(({ op }) => op === 'batchNorm');

describe.for(goldenBackends)('batch normalization against Keras, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  // f32 rounding of sums of up to a hundred values; the oracle rounds state and results to f32 between steps, and the 1e-7 that
  // Keras adds to the count of a mask shows where 2 values count.
  const tolerance = backend === 'oracle' ? { values: 4e-7, running: 4e-7 } : { values: 4e-6, gradients: 1e-5 };

  it.for(plain)('$row $name', (golden) => followNorm(withPolicy(golden), subjectOf(golden), tolerance));

  it.for(trained)('6.2.1 $name', async (golden) => {
    const { layer, losses, weight, inference } = await train(golden);
    // Errors of five steps add up.
    const allowed = backend === 'oracle' ? 2e-6 : 1e-5;
    losses.forEach((loss, i) => expect(Math.abs(loss - golden.losses[i]), `loss of step ${i}`).toBeLessThan(allowed));
    expectDigest('weight', weight.shape, await weight.read(), golden.weight, allowed);
    for (const [name, digest] of Object.entries(golden.after)) {
      const ref = { ...layer }[name] as Param;
      expectDigest(name, ref.shape, await ref.read(), digest, allowed);
    }
    expectDigest('inference', inference.shape, await inference.data(), golden.inference, allowed);
  });

  it.for(plain.filter(({ name }) => name === 'mask over part of a sequence'))('$row a mask counts as if the rest were not there', async (golden) => {
    const x = inputOf(golden, 0);
    const kept = golden.steps[0].mask!.flatMap((counts, at) => (counts ? [at] : []));
    const values = await x.data();
    const rows = tensor(Float32Array.from(kept.flatMap((at) => [values[2 * at], values[2 * at + 1]])), [kept.length, 2]);
    const layers = [nn.batchNorm({ dialect: 'keras' }), nn.batchNorm({ dialect: 'keras' })];
    layers.forEach((layer, i) => layer.build(i === 0 ? [3, 2] : [2]));
    const upstream = upstreamOf(golden, x.shape);
    const step = compile('masked', ({ x, mask, rows, upstream }) => {
      const y = layers[0].forward(x, { mask });
      const counted = mask.expandDims(-1);
      return { y, rows: layers[1].forward(rows), dx: grad(y.mul(upstream).mul(counted).sum(), [x])[0].mul(mask.expandDims(-1).mul(-1).add(1)) };
    });
    const mask = tensor(Float32Array.from(golden.steps[0].mask!), x.shape.slice(0, -1));
    const got = await step({ x, mask, rows, upstream });
    const all = await got.y.data();
    const packed = await got.rows.data();
    kept.forEach((at, row) => [0, 1].forEach((c) => expect(Math.abs(all[2 * at + c] - packed[2 * row + c])).toBeLessThan(1e-6)));
    expect([...await got.dx.data()].every((value) => value === 0), 'no gradient where nothing counts').toBe(true);
    for (const name of ['runningMean', 'runningVariance'] as const) {
      const [a, b] = await Promise.all(layers.map((layer) => layer[name].read()));
      a.forEach((value, c) => expect(Math.abs(value - b[c])).toBeLessThan(1e-6));
    }
  });
});

/** Keras's options on the left, ours on the right. */
function optionsOf({ momentum, ...same }: NonNullable<NormGolden['options']>): nn.BatchNormOptions {
  return { dialect: 'keras', ...same, ...(momentum !== undefined && { decay: momentum }) };
}

/** Keras's `trainable` is our freezing. */
function subjectOf({ options = {}, x }: NormGolden): NormSubject {
  const layer = nn.batchNorm(optionsOf(options));
  layer.build(x.shape.slice(1));
  const { scale, shift, runningMean, runningVariance } = layer;
  return {
    forward: (input, _, mask) => layer.forward(input, { mask }),
    params: { ...(scale && { scale }), ...(shift && { shift }) },
    running: { runningMean, runningVariance },
    prepare: ({ trainable }) => void (trainable === false ? layer.freeze() : layer.unfreeze()),
  };
}

/** Where evenkeel means to differ: a batch in which nothing counts moves no running statistics; Keras mixes in mean 0, variance 0. */
function withPolicy(golden: NormGolden): NormGolden {
  return golden.name === 'mask over everything' ? { ...golden, steps: golden.steps.map(({ running: _running, ...rest }) => rest) } : golden;
}

interface TrainedLayer { readonly layer: nn.BatchNorm; readonly losses: number[]; readonly weight: Param; readonly inference: Tensor }

/** SGD on mean((norm(x * weight) - target)^2), as norms_keras_trained.py has it. */
async function train({ options, shape, seed, rate, losses }: Trained): Promise<TrainedLayer> {
  const layer = nn.batchNorm(optionsOf(options));
  layer.build(shape.slice(1));
  const weight = new Param({ shape: shape.slice(-1), name: 'weight', data: new Float32Array(shape.at(-1)!).fill(1) });
  const optimizer = new SGD({ rate });
  const recipe = (stream: number, bound: number, slope = 0): Recipe => ({ shape, seed: seed + stream, bound, slope });
  const batch = (stream: number): Tensor => tensor(valuesOf(recipe(stream, 2, 0.5)), shape);
  const target = tensor(valuesOf(recipe(20, 1)), shape);
  const step = compile('train', ({ x, target }) => {
    const loss = mse(layer.forward(x.mul(weight.value)), target);
    optimizer.minimize(loss, [...layer.params(), weight]);
    return { loss };
  });
  const got: number[] = [];
  for (let i = 0; i < losses.length; i++) got.push((await step({ x: batch(i), target })).loss);
  const inference = await compile('infer', ({ x }) => ({ y: layer.forward(x.mul(weight.value)) }), { mode: 'eval' })({ x: batch(losses.length) });
  return { layer, losses: got, weight, inference: inference.y };
}

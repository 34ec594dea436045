import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, Fault, nn, withMode, zeros, type Tensor } from '../../src/index.ts';
import { goldenNorms, inputOf, valuesOf, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';

interface Refusals { readonly refusals: readonly { readonly name: string; readonly error: string | null }[] }

const torch = goldenNorms<Refusals>('torch');
const keras = goldenNorms('keras');
const named = (name: string): NormGolden => [...torch.cases, ...keras.cases].find((golden) => golden.name === name)!;

describe('inputs that cannot be (6.1.6)', () => {
  beforeAll(() => configure({ backend: 'wasm' }));

  /** What evenkeel says where PyTorch says what the golden tells. */
  const OURS: Readonly<Record<string, { readonly code: string; readonly run: () => unknown }>> = {
    'one value per channel in training': { code: 'E311', run: () => train(nn.batchNorm(), [1, 3]) },
    'one value per channel in evaluation without running statistics': { code: 'E311', run: () => nn.batchNorm({ update: false, evaluation: 'batch' }).forward(zeros([1, 3])) },
    'another number of channels': { code: 'E310', run: () => built(nn.batchNorm2d(), [3, 3, 3]).forward(zeros([2, 3, 3, 4])) },
    'another rank': { code: 'E300', run: () => built(nn.batchNorm2d(), [3, 3, 3]).forward(zeros([2, 3, 3])) },
    'instance norm over one value': { code: 'E332', run: () => nn.instanceNorm().forward(zeros([2, 1, 1, 3])) },
    'group norm over one value': { code: 'E332', run: () => nn.groupNorm({ groups: 3 }).forward(zeros([1, 3])) },
    // PyTorch looks at all samples together and lets this pass: every output is the shift.
    'group norm over one value in each of two samples': { code: 'E332', run: () => nn.groupNorm({ groups: 3 }).forward(zeros([2, 3])) },
    'groups that do not divide': { code: 'E331', run: () => nn.groupNorm({ groups: 4 }).forward(zeros([2, 6])) },
  };

  it.for(torch.refusals.filter(({ name }) => name in OURS))('$name: PyTorch says $error', ({ name }) => {
    expect(codeOf(OURS[name].run)).toBe(OURS[name].code);
  });

  it('knows all of them but an input without channels, on which PyTorch only stumbles', () => {
    expect(torch.refusals.filter(({ name }) => !(name in OURS)).map(({ name }) => name)).toEqual(['no channels']);
  });
});

describe.for(goldenBackends)('what evenkeel means to do otherwise, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.for(['one NaN in channel 1', 'one Infinity in channel 1'])('6.1.9 %s leaves the running statistics of all channels', async (name) => {
    const golden = named(name);
    const layer = filled(built(nn.batchNorm(), golden.x.shape.slice(1)), golden);
    await compile('train', ({ x }) => ({ y: layer.forward(x) }))({ x: inputOf(golden, 0) });
    await expectInitial(layer, golden);
  });

  it('6.2.4 a mask over everything leaves the running statistics; Keras mixes in mean 0 and variance 0', async () => {
    const golden = named('mask over everything');
    const layer = filled(built(nn.batchNorm({ dialect: 'keras' }), golden.x.shape.slice(1)), golden);
    const x = inputOf(golden, 0);
    await compile('train', ({ x, mask }) => ({ y: layer.forward(x, { mask }) }))({ x, mask: zeros(x.shape.slice(0, -1)) });
    await expectInitial(layer, golden);
  });

  it("6.1.7 a constant channel comes out as the shift to the last bit; PyTorch's f32 misses it by 3e-5", async () => {
    const golden = named('a constant channel');
    const layer = built(nn.batchNorm(), golden.x.shape.slice(1));
    const { y } = await compile('train', ({ x }) => ({ y: layer.forward(x) }))({ x: inputOf(golden, 0) });
    expect((await y.data()).filter((_, at) => at % 3 === 1).every((value) => value === 0)).toBe(true);
  });

  it("6.1.14 used twice in one step with update 'each', as in PyTorch", async () => {
    const golden = named('used twice in one step');
    await followNorm(golden, twice(golden, 'each'), { values: 4e-6, gradients: 1e-5, running: 4e-6 });
  });

  it("6.1.14 used twice in one step with update 'once': one move, by both inputs together", async () => {
    const golden = named('used twice in one step');
    const { layer, ...subject } = twice(golden, 'once');
    await followNorm({ ...golden, steps: golden.steps.slice(0, 1).map(({ running: _running, ...rest }) => rest) }, subject, { values: 4e-6, gradients: 1e-5 });
    const x = await inputOf(golden, 0).data();
    const both = [0, 1, 2].map((channel) => [...x].filter((_, at) => at % 3 === channel).flatMap((value) => [value, 2 * value]));
    const [mean, variance] = [await layer.runningMean.read(), await layer.runningVariance.read()];
    both.forEach((values, channel) => {
      const average = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
      expect(mean[channel]).toBeCloseTo(0.1 * average, 5);
      expect(variance[channel]).toBeCloseTo(0.9 + (0.1 * squares) / (values.length - 1), 5);
    });
  });

  it('6.1.14 computed again in the same step moves the running statistics once', async () => {
    const golden = named('batchNorm2d N=5 C=3');
    const layer = built(nn.batchNorm(), golden.x.shape.slice(1));
    const { scale, shift, runningMean, runningVariance } = layer;
    const forward = (x: Tensor): Tensor => (layer.forward(x), layer.forward(x));
    await followNorm(golden, { forward, params: { scale: scale!, shift: shift! }, running: { runningMean, runningVariance } }, { values: 4e-6, gradients: 1e-5 });
  });
});

describe('names and shapes of what is saved', () => {
  /** PyTorch's and Keras's names on the left. evenkeel counts updates only where the average needs it. */
  const NAMES: Readonly<Record<string, string>> = {
    weight: 'scale', bias: 'shift', running_mean: 'runningMean', running_var: 'runningVariance',
    gamma: 'scale', beta: 'shift', scale: 'scale', moving_mean: 'runningMean', moving_variance: 'runningVariance',
    moving_stddev: 'runningDeviation', renorm_mean: 'renormMean', renorm_stddev: 'renormDeviation',
  };
  const LAYERS: Readonly<Record<string, () => nn.Model>> = {
    batchNorm: () => nn.batchNorm(), 'batchNorm without affine': () => nn.batchNorm({ scale: false, center: false }),
    'batchNorm without scale': () => nn.batchNorm({ scale: false }), 'batchNorm with renorm': () => nn.batchRenorm(),
    'instanceNorm with running statistics': () => nn.instanceNorm({ running: true, scale: true, center: true }),
    groupNorm: () => nn.groupNorm({ groups: 1 }), layerNorm: () => nn.layerNorm(), rmsNorm: () => nn.rmsNorm(),
  };

  it.for([...torch.states, ...keras.states])('$row $name', ({ name, state }) => {
    const perPixel = name === 'layerNorm' && state[0][1].length === 2;
    const layer = built(perPixel ? nn.layerNorm({ axes: [-2, -1] }) : LAYERS[name](), [3, 5, 3]);
    const ours = [...layer.namedParams(), ...layer.namedBuffers()].map(([key, ref]) => [key, [...ref.shape]] as const);
    const theirs = state.filter(([key]) => key !== 'num_batches_tracked').map(([key, shape]) => [NAMES[key], shape] as const);
    expect(ours.filter(([key]) => key !== 'renormSteps').sort()).toEqual([...theirs].sort());
    if (name !== 'batchNorm with renorm') expect(ours.map(([key]) => key), 'in the same order').toEqual(theirs.map(([key]) => key));
  });
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return 'nothing was refused';
}

function built<L extends nn.Model>(layer: L, sample: readonly number[]): L {
  layer.build(sample);
  return layer;
}

function train(layer: nn.Model, shape: readonly number[]): Tensor {
  return withMode('train', () => layer.forward(zeros(shape)));
}

function filled(layer: nn.BatchNorm, { state = {} }: NormGolden): nn.BatchNorm {
  layer.runningMean.write(valuesOf(state.runningMean));
  layer.runningVariance.write(valuesOf(state.runningVariance));
  return layer;
}

async function expectInitial(layer: nn.BatchNorm, { state = {} }: NormGolden): Promise<void> {
  expect([...await layer.runningMean.read()]).toEqual([...valuesOf(state.runningMean)]);
  expect([...await layer.runningVariance.read()]).toEqual([...valuesOf(state.runningVariance)]);
}

function twice({ x }: NormGolden, update: 'each' | 'once'): NormSubject & { readonly layer: nn.BatchNorm } {
  const layer = built(nn.batchNorm({ update }), x.shape.slice(1));
  const { scale, shift, runningMean, runningVariance } = layer;
  return {
    layer, forward: (input) => layer.forward(input).add(layer.forward(input.mul(2))), params: { scale: scale!, shift: shift! },
    running: { runningMean, runningVariance },
  };
}

import { beforeAll, describe, expect, it } from 'vitest';
import * as ek from '../../src/index.ts';
import { nn, type Tensor } from '../../src/index.ts';
import { goldenLayers, type GoldenDense, type GoldenLayer } from '../support/golden-data.ts';

type Values = Readonly<Record<string, Tensor>>;
type Options = GoldenLayer['options'];
type Layer = (values: Values, options: Options) => Tensor;

const { layers } = goldenLayers();

/** What evenkeel says for each op of the goldens. */
const LAYERS: Readonly<Record<string, Layer>> = {
  conv2d: ({ x, w, bias }, options) => ek.conv2d(x, w, options).add(bias),
  maxPool2d: ({ x }, options) => ek.maxPool2d(x, pooling(options)),
  avgPool2d: ({ x }, options) => ek.avgPool2d(x, { ...pooling(options), countPadding: options.countPadding as boolean }),
  batchNorm: ({ x, scale, shift, mean, variance }, { epsilon, training }) => training
    ? ek.batchNormalize(x, x.shape.map((_, axis) => axis).slice(0, -1), { scale, shift, epsilon: epsilon as number }).y
    : ek.normalize(x, { mean, variance, epsilon: epsilon as number }, { scale, shift }),
  layerNorm: ({ x, scale, shift }) => ek.standardize(x, -1, { scale, shift }).y,
  instanceNorm: ({ x, scale, shift }) => ek.standardize(x, [1, 2], { scale, shift }).y,
  rmsNorm: ({ x, scale }, { epsilon }) => ek.rmsNormalize(x, -1, { scale, epsilon: epsilon as number }),
  linear: ({ x, w, bias }) => ek.matmul(x, w).add(bias),
  softmax: ({ x }, { axis }) => ek.softmax(x, axis as number),
  logSoftmax: ({ x }, { axis }) => ek.logSoftmax(x, axis as number),
  logSumExp: ({ x }, { axis }) => ek.logSumExp(x, axis as number),
  crossEntropy: ({ logits, labels }, options) => ek.crossEntropy(logits, labels, options),
  mse: ({ x, y }) => ek.mse(x, y),
  mae: ({ x, y }) => ek.mae(x, y),
  huber: ({ x, y }, { delta }) => ek.huber(x, y, delta as number),
  binaryCrossEntropy: ({ x, labels }) => ek.binaryCrossEntropy(x, labels.cast('f32')),
  relu: ({ x }) => nn.relu().forward(x),
  leakyRelu: ({ x }, { slope }) => nn.leakyRelu(slope as number).forward(x),
  elu: ({ x }, { alpha }) => nn.elu(alpha as number).forward(x),
  gelu: ({ x }) => nn.gelu().forward(x),
  silu: ({ x }) => nn.silu().forward(x),
  sigmoid: ({ x }) => ek.sigmoid(x),
  tanh: ({ x }) => ek.tanh(x),
  erf: ({ x }) => ek.erf(x),
};

describe.for(['oracle', 'wasm'] as const)('layers against PyTorch, %s', (backend) => {
  beforeAll(() => ek.configure({ backend }));

  it.for(layers.filter(({ op }) => op in LAYERS))('$name', async (golden) => {
    const inputs = Object.fromEntries(Object.entries(golden.inputs).map(([name, value]) => [name, tensorOf(name, value)]));
    const upstream = tensorOf('upstream', golden.upstream);
    const step = ek.compile(golden.name, (values: Values) => {
      const y = LAYERS[golden.op](values, golden.options);
      const wanted = Object.keys(golden.gradients);
      const gradients = ek.grad(y.mul(values.upstream).sum(), wanted.map((name) => values[name]));
      return { y, ...Object.fromEntries(wanted.map((name, i) => [`gradient of ${name}`, gradients[i]])) };
    });
    const got = await step({ ...inputs, upstream }) as Readonly<Record<string, Tensor | number>>;
    await compare('output', got.y, golden.output, tolerance(golden));
    for (const [name, value] of Object.entries(golden.gradients)) {
      await compare(`gradient of ${name}`, got[`gradient of ${name}`], value, tolerance(golden));
    }
  });
});

/** f32 rounding of sums of up to a hundred products, by the size of the largest value. A mean near 4096 is itself
 *  only good to 2^-12, which shows in everything that is standardized by it. */
function tolerance({ name }: GoldenLayer): number {
  return name.includes('far from zero') ? 3e-4 : 4e-6;
}

async function compare(what: string, got: Tensor | number, wanted: GoldenDense, relative: number): Promise<void> {
  const values = typeof got === 'number' ? [got] : [...await got.data()];
  if (typeof got !== 'number') expect(got.shape, `shape of ${what}`).toEqual(wanted.shape);
  const largest = Math.max(1, ...wanted.data.map(Math.abs));
  const error = Math.max(...wanted.data.map((value, i) => Math.abs(values[i] - value)));
  expect(error, `largest error of ${what}`).toBeLessThanOrEqual(relative * largest);
}

function tensorOf(name: string, { data, shape }: GoldenDense): Tensor {
  return name === 'labels' ? ek.tensor(Int32Array.from(data), shape) : ek.tensor(Float32Array.from(data), shape);
}

function pooling({ window, stride, padding }: Options): ek.PoolOptions {
  return { window, stride, padding } as ek.PoolOptions;
}

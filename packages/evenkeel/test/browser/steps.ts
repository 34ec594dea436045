/** Twenty training steps of a small convolutional network on data made from an integer hash; the same code runs in Node and in a page. */
import { Adam, compile, configure, crossEntropy, nn, shutdown } from '../../src/index.ts';

export interface StepsOptions {
  readonly steps: number;
  readonly batchSize: number;
  /** Left out: as many as the place offers. */
  readonly threads?: number;
}

/** Trains and returns the loss of every step. */
export async function trainSteps({ steps, batchSize, threads }: StepsOptions): Promise<number[]> {
  if (threads !== undefined) await configure({ threads });
  const model = nn.sequential({ input: [28, 28, 1] },
    nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));
  const params = model.params();
  params.forEach((param, index) => {
    if (param.shape.length > 1) param.write(uniform(index + 1, param.size, param.size > 1000 ? 2 ** -5 : 2 ** -2));
  });
  const optimizer = new Adam({ rate: 1e-3 });
  const step = compile('train', ({ x, y }) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss, params);
    return { loss };
  }, { mode: 'train' });
  const losses: number[] = [];
  for (let index = 0; index < steps; index++) {
    const { loss } = await step(batch(index, batchSize));
    losses.push(loss);
  }
  await shutdown();
  return losses;
}

/** Images x [size, 28, 28, 1] with a bright row that tells their label y [size]. */
function batch(index: number, size: number) {
  const y = Int32Array.from({ length: size }, (_, i) => hash(i + size * index) % 10);
  const x = uniform(1000 + index, size * 784, 0.5);
  y.forEach((label, image) => {
    for (let column = 0; column < 28; column++) x[image * 784 + (4 + 2 * label) * 28 + column] += 1;
  });
  return { x: { data: x, shape: [size, 28, 28, 1] }, y: { data: y, shape: [size] } };
}

/** `count` numbers in [-bound, bound). */
function uniform(seed: number, count: number, bound: number): Float32Array {
  const start = hash(seed);
  return Float32Array.from({ length: count }, (_, i) => ((hash(start + i) >>> 8) * 2 ** -23 - 1) * bound);
}

/** lowbias32 (Wellons 2018). */
function hash(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

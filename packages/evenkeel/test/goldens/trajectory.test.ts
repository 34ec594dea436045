import { beforeAll, expect, it } from 'vitest';
import { Adam, compile, configure, crossEntropy, nn } from '../../src/index.ts';
import { goldenBatch, goldenChecksum, goldenTrajectory, goldenWeight, type GoldenNetwork } from '../support/golden-data.ts';

const golden = goldenTrajectory();

// Relative: to the loss itself, to the largest channel of a statistic. PyTorch's own float32 run stays within 1e-6 of its float64 run; other orders of summation cost some
// more over 50 steps; a wrong epsilon, decay, bias correction or tie rule is far off.
const TOLERANCE = 1e-4;

beforeAll(() => configure({ backend: 'wasm' }));

it('the convolutional network takes the same 50 steps as in PyTorch', async () => {
  const model = nn.sequential({ input: [28, 28, 1] },
    nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));
  await follow(golden.networks.cnn, model);
});

it('the dense network takes the same 50 steps as in PyTorch', async () => {
  const model = nn.sequential({ input: [28, 28, 1] }, nn.flatten(),
    nn.linear(128, { bias: false }), nn.batchNorm(), nn.relu(),
    nn.linear(64, { bias: false }), nn.batchNorm(), nn.relu(), nn.linear(10));
  await follow(golden.networks.mlp, model);
});

async function follow(network: GoldenNetwork, model: nn.Sequential): Promise<void> {
  const weights = model.params().filter(({ name }) => /weight|bias/.test(name));
  network.initial.forEach((initial, i) => weights[i].write(goldenWeight(initial)));
  const optimizer = new Adam({ rate: golden.rate });
  const step = compile('train', ({ x, y }) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss, model.params());
    return { loss };
  });
  for (let i = 0; i < golden.steps; i++) {
    const { x, y } = goldenBatch(i, golden.batchSize);
    const { loss } = await step({ x: { data: x, shape: [golden.batchSize, 28, 28, 1] }, y });
    const wanted = network.float64.losses[i];
    expect(Math.abs(loss - wanted), `loss of step ${i}`).toBeLessThan(TOLERANCE * wanted);
  }
  await compareState(network, model);
}

async function compareState(network: GoldenNetwork, model: nn.Sequential): Promise<void> {
  const wanted = Object.values(network.float64.running).flatMap(({ mean, variance }) => [mean, variance]);
  const buffers = model.buffers();
  expect(buffers.length).toBe(wanted.length);
  for (const [i, buffer] of buffers.entries()) {
    const got = await buffer.read();
    const scale = Math.max(...wanted[i].map(Math.abs));
    wanted[i].forEach((value, channel) => expect(Math.abs(got[channel] - value), `${buffer.name} ${channel}`).toBeLessThan(TOLERANCE * scale));
  }
  // The names of the goldens start with the layer, those of params() with its position: both are in order.
  for (const [i, param] of model.params().entries()) {
    const { values } = Object.values(network.float64.weights)[i];
    const got = goldenChecksum(await param.read());
    values.forEach((value, at) => expect(Math.abs(got.values[at] - value), `${param.name} ${got.at[at]}`).toBeLessThan(TOLERANCE));
  }
}

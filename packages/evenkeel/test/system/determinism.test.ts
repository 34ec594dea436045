/** One seed gives one result: between runs, and for any number of threads, to the last bit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, dropout, nn, noise, shutdown, tensor } from '../../src/index.ts';
import { exampleLayers, images, lossesOf, stateOf, trainingOf, wordsOf } from '../support/small-training.ts';

const STEPS = 200;
const BATCH = 32;
const batches = Array.from({ length: 8 }, (_, i) => images(i, BATCH));

const networks: Readonly<Record<string, () => nn.Model[]>> = {
  'the convolutional network': exampleLayers,
  'a network with dropout': () => [nn.flatten(), nn.linear(64), nn.batchNorm(), nn.relu(), nn.dropout(0.3), nn.linear(10)],
};

afterAll(() => shutdown());

/** Losses and the whole state after training, as words. */
async function train(layers: () => nn.Model[], threads: number): Promise<{ losses: Uint32Array; state: Map<string, Uint32Array> }> {
  await configure({ backend: 'wasm', threads });
  const training = trainingOf([28, 28, 1], layers());
  const losses = wordsOf(await lossesOf(training.step, batches, STEPS));
  const state = await stateOf(training);
  training.step.dispose();
  await shutdown();
  return { losses, state };
}

describe.each(Object.entries(networks))('%s', (_, layers) => {
  let first: Awaited<ReturnType<typeof train>>;

  beforeAll(async () => {
    first = await train(layers, 2);
  });

  it('learns', () => {
    const losses = new Float32Array(first.losses.buffer);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)!).toBeLessThan(0.5 * losses[0]);
  });

  it.each([['two threads again', 2], ['one thread', 1], ['three threads', 3]])('ends with the same bits on %s', async (_name, threads) => {
    const again = await train(layers, threads);
    expect(again.losses).toEqual(first.losses);
    expect(again.state).toEqual(first.state);
  });
});

describe('random draws', () => {
  const shape = [3, 5, 7];

  /** Draws of three steps; the mask of dropout is exact at rate 0.5. */
  async function draws(backend: 'wasm' | 'oracle', threads: number): Promise<Uint32Array[]> {
    await configure({ backend, threads });
    const step = compile('draw', () => ({
      uniform: noise.uniform(shape, { seed: 5 }), other: noise.uniform(shape, { seed: 6 }), long: noise.uniform([40_000], { seed: 7 }),
      mask: dropout(tensor(new Float32Array(105).fill(1), shape), 0.5, { seed: 5 }),
    }));
    const kept: Uint32Array[] = [];
    for (let i = 0; i < 3; i++) kept.push(...Object.values(await step()).map((value) => wordsOf(value.known!)));
    step.dispose();
    return kept;
  }

  it("are the oracle's, on any number of threads", async () => {
    const wanted = await draws('oracle', 1);
    for (const threads of [1, 2, 3]) expect(await draws('wasm', threads)).toEqual(wanted);
    expect(new Set(wanted.map((words) => words.join())).size).toBe(wanted.length);
  });
});

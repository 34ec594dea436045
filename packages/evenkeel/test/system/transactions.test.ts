/** A step happens as a whole or not at all, steps happen in the order in which they were asked for, and a process ends by itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrays, compile, configure, fit, nn, Param, shutdown } from '../../src/index.ts';
import type { FitOptions, Tensor } from '../../src/index.ts';
import { faultTextOf } from '../support/fault-text.ts';
import { lossesOf, stateOf, tinyImages, tinyLayers, trainingOf, wordsOf } from '../support/small-training.ts';
import type { Feeds, Training } from '../support/small-training.ts';

const batches: readonly Feeds[] = Array.from({ length: 5 }, (_, i) => tinyImages(i, 16));

beforeAll(() => configure({ backend: 'wasm', threads: 2 }));
afterAll(() => shutdown());

/** A training three steps old. */
async function begun(debug = false, layers: readonly nn.Model[] = tinyLayers()): Promise<Training> {
  const training = trainingOf([12, 12, 1], layers, debug);
  await lossesOf(training.step, batches, 3);
  return training;
}

/** Expects that the attempt fails with this first line, that nothing has changed, and that the next steps are as if it had not been. */
async function expectNoMark(training: Training, undisturbed: Training, attempt: () => Promise<unknown>, text: string): Promise<void> {
  const before = await stateOf(training);
  expect((await faultTextOf(attempt()))[0]).toBe(text);
  expect(await stateOf(training)).toEqual(before);
  expect(await lossesOf(training.step, batches, 4)).toEqual(await lossesOf(undisturbed.step, batches, 4));
  expect(await stateOf(training)).toEqual(await stateOf(undisturbed));
}

describe('a failure leaves no mark:', () => {
  it('an exception while tracing, after everything was assigned', async () => {
    const training = await begun();
    const { model, optimizer } = training;
    const broken = compile('broken', ({ x, y }) => {
      const output: Tensor = model.forward(x);
      optimizer.minimize(output.square().mean(), model.params());
      return { wrong: output.add(y.cast('f32')) };
    });
    await expectNoMark(training, await begun(), () => broken({ ...batches[0] }), 'E201 add: shapes must agree from the last axis on, or be 1.');
  });

  it('samples of another shape', async () => {
    const training = await begun();
    const x = { data: new Float32Array(16 * 100), shape: [16, 10, 10, 1] };
    await expectNoMark(training, await begun(), () => training.step({ x, y: batches[0].y }), 'E301 linear: the last axis of the input must have as many features as the layer.');
  });

  it('a label that does not exist', async () => {
    const training = await begun();
    const y = batches[0].y.slice();
    y[5] = 10;
    await expectNoMark(training, await begun(), () => training.step({ x: batches[0].x, y }), 'E402 train: input "y" indexes 10 entries and must lie in 0 .. 9.');
  });

  it('a NaN that debug mode finds', async () => {
    const layers = (): nn.Model[] => [nn.flatten(), nn.linear(8), nn.batchNorm(), nn.dropout(0.5), nn.linear(10)];
    const training = await begun(true, layers());
    const x = { data: batches[0].x.data.slice(), shape: batches[0].x.shape };
    x.data[77] = 3e38;
    await expectNoMark(training, await begun(true, layers()), () => training.step({ x, y: batches[0].y }), 'E610 moments: finite inputs gave Infinity (element 0 of [8]).');
  });
});

describe('fit', () => {
  const data = arrays({
    x: { data: Float32Array.from(batches.flatMap(({ x }) => [...x.data])), shape: [80, 12, 12, 1] },
    y: { data: Int32Array.from(batches.flatMap(({ y }) => [...y])), shape: [80] },
  });
  const options = ({ optimizer }: Training, more: Partial<FitOptions> = {}): FitOptions =>
    ({ loss: 'crossEntropy', optimizer, batchSize: 16, shuffle: false, verbose: 'silent', ...more });

  it('that was aborted before it began changes nothing', async () => {
    const training = await begun();
    const before = await stateOf(training);
    const history = await fit(training.model, data, options(training, { signal: AbortSignal.abort() }));
    expect([history.stopped, history.epochs]).toEqual(['signal', []]);
    expect(await stateOf(training)).toEqual(before);
  });

  it('that is aborted ends after a whole step', async () => {
    const [training, wanted] = [await begun(), await begun()];
    const controller = new AbortController();
    await fit(training.model, data, options(training, { signal: controller.signal, callbacks: { onBatchEnd: ({ batch }) => void (batch === 2 && controller.abort()) } }));
    await fit(wanted.model, data, options(wanted, { callbacks: { onBatchEnd: ({ batch }) => batch < 2 } }));
    expect(await stateOf(training)).toEqual(await stateOf(wanted));
  });

  it('whose callback throws ends after a whole step, and can be called again', async () => {
    const [training, wanted] = [await begun(), await begun()];
    const callbacks = { onBatchEnd: () => { throw new Error('enough'); } };
    await expect(fit(training.model, data, options(training, { callbacks }))).rejects.toThrow('enough');
    await fit(wanted.model, data, options(wanted, { callbacks: { onBatchEnd: () => false } }));
    expect(await stateOf(training)).toEqual(await stateOf(wanted));
    expect((await fit(training.model, data, options(training))).epochs).toHaveLength(1);
  });

  it('at a label that does not exist ends before its step', async () => {
    const [training, wanted] = [await begun(), await begun()];
    const bad = arrays({ x: await columnOf('x'), y: { data: (await columnOf('y')).data.map((label, i) => (i === 40 ? -1 : label)), shape: [80] } });
    expect((await faultTextOf(fit(training.model, bad, options(training))))[0]).toBe('E402 fit: input "y" indexes 10 entries and must lie in 0 .. 9.');
    await fit(wanted.model, data, options(wanted, { callbacks: { onBatchEnd: ({ batch }) => batch < 2 } }));
    expect(await stateOf(training)).toEqual(await stateOf(wanted));
  });

  const columnOf = async (name: 'x' | 'y') => (await data.batch(Int32Array.from({ length: 80 }, (_, i) => i)))[name];
});

describe('order', () => {
  it('50 steps that nobody waits for are carried out as if one had', async () => {
    const [training, wanted] = [await begun(), await begun()];
    const asked = Array.from({ length: 50 }, (_, i) => training.step({ ...batches[i % 5] }));
    const losses = Float32Array.from((await Promise.all(asked)).map(({ loss }) => loss));
    expect(losses).toEqual(await lossesOf(wanted.step, batches, 50));
    expect(await stateOf(training)).toEqual(await stateOf(wanted));
  });

  it('a failure in between keeps nothing from its turn', async () => {
    const [training, wanted] = [await begun(), await begun()];
    const bad = { x: batches[0].x, y: new Int32Array(16).fill(-1) };
    const settled = await Promise.allSettled([0, 1, bad, 2, bad, 3].map((which) => training.step({ ...(typeof which === 'number' ? batches[which] : which) })));
    expect(settled.map(({ status }) => status).join(' ')).toBe('fulfilled fulfilled rejected fulfilled rejected fulfilled');
    const losses = settled.flatMap((s) => (s.status === 'fulfilled' ? [s.value.loss] : []));
    expect(Float32Array.from(losses)).toEqual(await lossesOf(wanted.step, batches, 4));
  });

  it('steps, writes, reads and eager code take turns', async () => {
    const w = new Param({ shape: [2], data: [1, 1], name: 'w' });
    const step = compile('triple', ({ x }) => {
      w.assign(w.value.mul(3).add(x));
      return { w: w.value };
    });
    const first = step({ x: 1 });
    const between = w.read();
    w.write([5, 6]);
    const second = step({ x: 0 });
    expect((await first).w.known).toEqual(Float32Array.of(4, 4));
    expect(await between).toEqual(Float32Array.of(4, 4));
    expect((await second).w.known).toEqual(Float32Array.of(15, 18));
    w.assign(w.value.add(100));
    const third = step({ x: 2 });
    expect((await third).w.known).toEqual(Float32Array.of(347, 356));
    expect(await w.value.data()).toEqual(Float32Array.of(347, 356));
  });

  it('a shutdown and another number of threads take their turn', async () => {
    const [training, wanted] = [await begun(), await begun()];
    const ask = (from: number, to: number) => batches.slice(from, to).map((batch) => training.step({ ...batch }));
    const asked = [...ask(0, 2)];
    const done = [shutdown()];
    asked.push(...ask(2, 4));
    done.push(configure({ threads: 1 }));
    asked.push(...ask(4, 5));
    done.push(configure({ threads: 2 }));
    await Promise.all(done);
    expect(Float32Array.from((await Promise.all(asked)).map(({ loss }) => loss))).toEqual(await lossesOf(wanted.step, batches, 5));
    expect(await stateOf(training)).toEqual(await stateOf(wanted));
  });

  it('eager code that overtakes a step is refused', async () => {
    const w = new Param({ shape: [1], data: [1], name: 'w' });
    const step = compile('next', () => w.assign(w.value.add(1)));
    const pending = step();
    const early = w.value.mul(10);
    await pending;
    expect((await faultTextOf(early.data()))[0]).toBe('E403 w: this tensor was built on an earlier value, which has been overwritten since.');
    expect(await w.value.mul(10).item()).toBe(20);
  });
});

it('a step takes batches of several sizes, each by a plan of its own', async () => {
  const training = trainingOf([12, 12, 1], tinyLayers());
  const sizes = [16, 5, 16, 1, 5, 16];
  const feeds = sizes.map((size, i) => tinyImages(i, size));
  const losses = await lossesOf(training.step, feeds, sizes.length);
  expect(training.step.plans).toHaveLength(3);
  await configure({ backend: 'oracle' });
  const wanted = await lossesOf(trainingOf([12, 12, 1], tinyLayers()).step, feeds, sizes.length);
  await configure({ backend: 'wasm' });
  losses.forEach((loss, i) => expect(Math.abs(loss - wanted[i]) / wanted[i]).toBeLessThan(1e-4));
  expect(wordsOf(losses)).not.toEqual(wordsOf(wanted));
});

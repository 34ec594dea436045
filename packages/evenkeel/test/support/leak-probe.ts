/** A process that does one thing over and over and prints what it holds: node --expose-gc leak-probe.ts NAME, JSON lines on stdout. */
import { arrays, fit, Param, shutdown, tensor } from '../../src/index.ts';
import { currentDevice } from '../../src/runtime/state.ts';
import { denseLayers, exampleLayers, images, tinyImages, tinyLayers, trainingOf } from './small-training.ts';

/** What the process holds at one moment, in bytes. */
export interface Held {
  /** Times that the work was done before. */
  readonly after: number;
  readonly device: number;
  readonly heap: number;
  /** Typed arrays and other memory outside the JavaScript heap. */
  readonly outside: number;
  readonly resident: number;
}

/** Does the work `rounds` times between two measurements, and measures `measurements` times. */
async function watch(rounds: number, measurements: number, work: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < rounds * measurements; i++) {
    await work(i);
    if ((i + 1) % rounds === 0) say(await measure(i + 1));
  }
}

async function measure(after: number): Promise<Held> {
  // Twice, with a turn of the event loop between: the first collection queues finalizers.
  for (let i = 0; i < 2; i++) {
    globalThis.gc!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { after, device: currentDevice()?.device.bytesInUse ?? 0, heap: heapUsed, outside: external, resident: rss };
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const works: Readonly<Record<string, () => Promise<void>>> = {
  /** Training with a smaller last batch now and then, so that two plans are in use. */
  async training() {
    const { step } = trainingOf([12, 12, 1], tinyLayers());
    const [whole, last] = [tinyImages(0, 32), tinyImages(1, 20)];
    await watch(1000, 5, (i) => step({ ...(i % 4 === 3 ? last : whole) }));
  },
  /** Training on batches of ever other sizes, more than plans are kept for. */
  async shapes() {
    const { step } = trainingOf([12, 12, 1], denseLayers());
    const { x, y } = tinyImages(0, 42);
    await watch(40, 5, (i) => {
      const batch = 2 + i % 40;
      return step({ x: { data: x.data.subarray(0, batch * 144), shape: [batch, 12, 12, 1] }, y: y.subarray(0, batch) });
    });
  },
  /** Values computed one by one, of graphs of one structure and of many. */
  async eager() {
    const w = new Param({ shape: [64], name: 'w' });
    const x = tensor(Float32Array.from({ length: 64 }, (_, i) => i));
    await watch(400, 5, async (i) => {
      w.assign(w.value.mul(0.5).add(x));
      await w.value.exp().data();
      await tensor(new Float32Array(24 + i % 40).fill(i)).add(1).mul(i).data();
    });
  },
  /** Models that are made, trained for a step, and disposed. */
  async disposed() {
    await watch(40, 5, async () => {
      const { model, optimizer, step } = trainingOf([12, 12, 1], denseLayers());
      await step({ ...tinyImages(0, 8) });
      for (const used of [step, model, optimizer]) used.dispose();
    });
  },
  /** Models that are made, trained for a step, and dropped as they are. */
  async dropped() {
    await watch(20, 5, () => trainingOf([12, 12, 1], denseLayers()).step({ ...tinyImages(0, 8) }));
  },
  /** One model that is trained by fit again and again. */
  async fitted() {
    const { model } = trainingOf([12, 12, 1], denseLayers());
    const { x, y } = tinyImages(0, 40);
    const data = arrays({ x, y: { data: y, shape: [40] } });
    await watch(6, 5, () => fit(model, data, { loss: 'crossEntropy', optimizer: 'adam', validation: data, verbose: 'silent' }));
  },
  /** Models that are made, trained for a step, and forgotten; the device is shut down each time, and one step is kept. */
  async reopened() {
    const kept = trainingOf([12, 12, 1], denseLayers()).step;
    await watch(12, 5, async () => {
      await kept({ ...tinyImages(0, 8) });
      await trainingOf([12, 12, 1], denseLayers()).step({ ...tinyImages(0, 8) });
      await tensor([1, 2]).add(1).data();
      await shutdown();
    });
  },
  /** One device that was shut down while steps, refs and values made on it are kept. */
  async released() {
    const { step } = trainingOf([28, 28, 1], exampleLayers());
    await step({ ...images(0, 32) });
    const value = tensor([1, 2]).add(1);
    await value.data();
    const device = new WeakRef(currentDevice()!.device);
    await shutdown();
    await watch(1, 1, async () => undefined);
    say({ kept: device.deref() !== undefined, steps: step.plans.length, value: value.known?.length });
  },
};

await works[process.argv[2]]();

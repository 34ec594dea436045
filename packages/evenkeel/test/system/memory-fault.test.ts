/** Running out of memory is an error like others: it says what takes the room, nothing else is lost, and work goes on. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Adam, Buffer, compile, configure, crossEntropy, nn, noise, Param, shutdown, tensor } from '../../src/index.ts';
import type { Device } from '../../src/backends/index.ts';
import { openDevice } from '../../src/runtime/state.ts';
import { faultText, faultTextOf } from '../support/fault-text.ts';

const MIB = 2 ** 20;
const FIX = 'Fix: use a smaller batch, dispose steps and models that are no longer needed, or make the largest tensors smaller';

beforeAll(() => configure({ backend: 'wasm', threads: 2 }));
afterAll(() => shutdown());

/** What the device and the host hold after `work`, more than before. */
async function growth(work: () => Promise<void>): Promise<{ device: number; host: number }> {
  const { device } = await openDevice();
  const before = { device: device.bytesInUse, host: process.memoryUsage().arrayBuffers };
  await work();
  return { device: device.bytesInUse - before.device, host: process.memoryUsage().arrayBuffers - before.host };
}

/** Takes the memory but for less than 16 MiB. */
function fill(device: Device): number[] {
  const taken: number[] = [];
  for (let mib = 2048; mib >= 16; mib /= 2) {
    try {
      taken.push(device.allocate(mib * MIB));
      mib *= 2;
    } catch {
      // Full for this size; smaller pieces fill what is left.
    }
  }
  return taken;
}

it('a step that needs more than 4 GiB is refused before anything is allocated', async () => {
  const held = await growth(async () => {
    const step = compile('huge', ({ x }) => {
      const table = x.expandDims(1).matmul(x.expandDims(0));
      return { y: table.matmul(table).sum() };
    });
    const text = await faultTextOf(step({ x: new Float32Array(40_000) }));
    expect(text.slice(0, 1).concat(text.at(-1)!)).toEqual(['E601 memory: the device memory is full.', FIX]);
    expect(text[1]).toMatch(/^needed \d{5}\.\d MiB more; in use \d+\.\d MiB of at most \d+\.0 MiB$/);
    expect(text[2]).toMatch(/^6103\.5 MiB {2}dot\d+ \[40000, 40000\]$/);
    expect(step.plans).toEqual([]);
  });
  expect(held.device).toBe(0);
  expect(held.host).toBeLessThan(MIB);
});

it('names the layers whose values are largest', async () => {
  const model = nn.sequential({ input: [512, 512, 3] }, nn.conv2d(64, 3), nn.relu(), nn.conv2d(32, 3), nn.batchNorm(), nn.avgPool2d(8), nn.flatten(), nn.linear(10));
  const optimizer = new Adam();
  const step = compile('train', ({ y }) => {
    const loss = crossEntropy(model.forward(noise.uniform([64, 512, 512, 3], { seed: 1 })), y);
    optimizer.minimize(loss, model.params());
    return { loss };
  });
  const text = await faultTextOf(step({ y: new Int32Array(64) }));
  expect(text[0]).toBe('E601 memory: the device memory is full.');
  expect(text.slice(2, -1)).toHaveLength(5);
  expect(text[2]).toMatch(/^\d+\.\d MiB {2}\w+ \[64, 51\d, 51\d, 64\] in model\.\d \(\w.*\)$/);
  for (const used of [step, model, optimizer]) used.dispose();
});

it('goes on: refs keep their values, and steps that fit run', async () => {
  const w = new Param({ shape: [2], data: [1, 2], name: 'w' });
  const step = compile('grow', ({ x, columns }) => {
    w.assign(w.value.add(x));
    const table = columns.expandDims(1).matmul(columns.expandDims(0));
    return { y: table.matmul(table).sum(), w: w.value };
  });
  expect((await step({ x: 1, columns: new Float32Array(2) })).w.known).toEqual(Float32Array.of(2, 3));
  await faultTextOf(step({ x: 1, columns: new Float32Array(50_000) }));
  expect(await w.read()).toEqual(Float32Array.of(2, 3));
  expect((await step({ x: 1, columns: new Float32Array(3) })).w.known).toEqual(Float32Array.of(3, 4));
  expect(await tensor([1, 2]).add(w).array()).toEqual([4, 6]);
});

it('names the refs that are on the device when one more has no room', async () => {
  const { device } = await openDevice();
  const [held, more] = [new Buffer({ shape: [1024, 2048], name: 'held' }), new Buffer({ shape: [16, MIB], name: 'more' })];
  expect(await held.value.sum().item()).toBe(0);
  const rest = fill(device);
  const text = await faultTextOf(more.value.sum().item());
  expect(text.filter((line) => !line.startsWith('needed'))).toEqual([
    'E601 memory: the device memory is full.', '64.0 MiB  more [16, 1048576]', '8.0 MiB  held [1024, 2048]', expect.stringMatching(/^0\.0 MiB {2}w \[2\]$/), FIX,
  ]);
  for (const address of rest) device.release(address);
  expect(await more.value.max().item()).toBe(0);
  for (const ref of [held, more]) ref.dispose();
});

it('plans of a step make room for one that does not fit beside them', async () => {
  const { device } = await openDevice();
  const step = compile('wide', ({ x }) => ({ sum: x.sum(), wide: x.sum().broadcastTo([10 * MIB]) }));
  const room = device.allocate(100 * MIB);
  const rest = fill(device);
  device.release(room);
  for (const n of [1, 2, 3, 4, 1]) expect((await step({ x: new Float32Array(n).fill(1) })).wide.known?.at(-1)).toBe(n);
  expect(step.plans.map((plan) => plan.inputs[0].size)).toEqual([4, 1]);
  step.dispose();
  for (const address of rest) device.release(address);
});

it('E605 refuses parameters that no device could hold', () => {
  const wide = (): unknown => nn.sequential({ input: [512, 512, 64] }, nn.flatten(), nn.linear(4096));
  expect(faultText(wide)).toEqual([
    'E605 1.weight: a tensor must fit into 4 GiB.', '[16777216, 4096] takes 256.0 GiB', 'in model.1 (linear 4096)',
    'Fix: make the layer smaller, or what flows into it, for example by pooling before flatten',
  ]);
  expect(() => new Param({ shape: [2 ** 20, 2 ** 20], name: 'w' })).toThrow('E605 w: a tensor must fit into 4 GiB.');
});

/** Nothing grows: each work runs in a process of its own, which measures itself after collecting garbage. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Held } from '../support/leak-probe.ts';

const MIB = 2 ** 20;
const run = promisify(execFile);
const probe = fileURLToPath(new URL('../support/leak-probe.ts', import.meta.url));

async function linesOf<T>(work: string): Promise<T[]> {
  const { stdout } = await run(process.execPath, ['--expose-gc', '--conditions=@evenkeel/source', probe, work]);
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as T);
}

/** Growth from the second measurement, when all code is warm, to the last. */
async function growthOf(work: string): Promise<Omit<Held, 'after'>> {
  const held = await linesOf<Held>(work);
  const mib = (bytes: number): string => (bytes / MIB).toFixed(2);
  const lines = held.map((h) => `  after ${h.after}: ${mib(h.device)}, ${mib(h.heap)}, ${mib(h.outside)}, ${mib(h.resident)}\n`);
  process.stdout.write(`${work}: MiB on the device, in the heap, outside it, resident\n${lines.join('')}`);
  const [warm, last] = [held[1], held.at(-1)!];
  return { device: last.device - warm.device, heap: last.heap - warm.heap, outside: last.outside - warm.outside, resident: last.resident - warm.resident };
}

describe('nothing is held after', () => {
  it('5,000 steps of training with two plans', async () => {
    const growth = await growthOf('training');
    expect(growth.device).toBe(0);
    // A byte a step would be 3,000; a typed array a step half a megabyte.
    expect(growth.heap).toBeLessThan(0.25 * MIB);
    expect(growth.outside).toBeLessThan(0.25 * MIB);
    expect(growth.resident).toBeLessThan(16 * MIB);
  }, 120_000);

  it('2,000 rounds of eager values', async () => {
    const growth = await growthOf('eager');
    expect(growth.device).toBeLessThanOrEqual(0.25 * MIB);
    expect(growth.heap).toBeLessThan(0.5 * MIB);
    expect(growth.outside).toBeLessThan(0.25 * MIB);
    // Some plans are compiled anew all the time, and the engine's compiler takes what it likes.
    expect(growth.resident).toBeLessThan(64 * MIB);
  }, 120_000);

  it.each([
    ['200 models that were disposed', 'disposed'], ['100 models that were dropped as they are', 'dropped'],
    ['60 models whose device was shut down', 'reopened'], ['30 calls of fit', 'fitted'],
    ['200 steps on 40 sizes of batches', 'shapes'],
  ])('%s', async (_, work) => {
    const growth = await growthOf(work);
    expect(growth.device).toBe(0);
    // The engine keeps optimized code of its own for a while, some kilobytes for every module.
    expect(growth.heap).toBeLessThan(2 * MIB);
    expect(growth.outside).toBeLessThan(0.25 * MIB);
    // The engine's compiler takes tens of MiB at a time and keeps them; a device that is not freed would cost four each.
    expect(growth.resident).toBeLessThan(128 * MIB);
  }, 120_000);

  it('a device was shut down, though steps and values that were made on it are', async () => {
    expect((await linesOf<object>('released')).at(-1)).toEqual({ kept: false, steps: 1, value: 2 });
  });
});

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { compileModule } from '../../../src/backends/wasm/compile-module.ts';
import { emitModule } from '../../../src/backends/wasm/emit.ts';
import { Builder, type Value, type VectorProgram } from '../../../src/compiler/vector/index.ts';

const BARRIER = 64;
const SLOTS = 128;
const FAULTS = 1024;
/** Threads write to cache lines of their own. */
const LINE = 64;

/**
 * Every round a thread writes the round's number into its slot, and after the barrier counts the slots of all that hold another.
 * A second barrier keeps the next round's writes back. With `idle`, thread 0 dawdles in every 100th round, so that the others sleep.
 */
function rounds(threads: number, count: number, idle: number): VectorProgram {
  const b = new Builder('run', 1, 4);
  const mine = b.let(b.scalar('mul', b.param(0), LINE));
  const faults = b.mutable(b.i32(0));
  b.loop(0, count, 1, (round) => {
    if (idle > 0) b.when(b.scalar('eq', b.scalar('add', b.scalar('remS', round, 100), b.param(0)), 0), () => dawdle(b, idle));
    b.storeScalar(mine, SLOTS, round);
    b.barrier();
    for (let other = 0; other < threads; other++) {
      b.assign(faults, b.scalar('add', faults, b.scalar('ne', b.loadScalar(b.i32(SLOTS + other * LINE), 0), round)));
    }
    b.barrier();
  });
  b.storeScalar(mine, FAULTS, faults);
  return { lanes: 4, functions: [b.finish()] };
}

function dawdle(b: Builder, rounds: number): void {
  const sum: Value = b.mutable(b.i32(1));
  b.loop(0, rounds, 1, (i) => b.assign(sum, b.scalar('add', b.scalar('mul', sum, 1664525), i)));
  b.storeScalar(b.i32(FAULTS - 4), 0, sum);
}

async function run(threads: number, count: number, idle = 0): Promise<number[]> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new Int32Array(memory.buffer);
  words[BARRIER / 4 + 2] = threads;
  const module = compileModule({ bytes: emitModule(rounds(threads, count, idle), { shared: true, relaxed: false, maxPages: 1, barrierAddress: BARRIER }), paired: false });
  const others = Array.from({ length: threads - 1 }, (_, i) =>
    new Worker(new URL('./barrier-worker.js', import.meta.url), { workerData: { module, memory, thread: i + 1 } }));
  const done = others.map((worker) => once(worker, 'message'));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports.run as (thread: number) => void)(0);
  await Promise.all(done);
  await Promise.all(others.map((worker) => worker.terminate()));
  expect([words[BARRIER / 4], words[BARRIER / 4 + 1]]).toEqual([threads > 1 ? 2 * count * threads : 0, 0]);
  return Array.from({ length: threads }, (_, i) => words[(FAULTS + i * LINE) / 4]);
}

describe('barrier', () => {
  test('one thread passes at once', async () => {
    expect(await run(1, 1000)).toEqual([0]);
  });
  test('two threads meet 20,000 times', async () => {
    expect(await run(2, 10_000)).toEqual([0, 0]);
  });
  test('threads that fell asleep are woken', async () => {
    expect(await run(2, 1000, 200_000)).toEqual([0, 0]);
  });
  test('more threads than cores', async () => {
    expect(await run(5, 300)).toEqual([0, 0, 0, 0, 0]);
  });
});

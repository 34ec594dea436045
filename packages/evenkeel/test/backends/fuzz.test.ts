import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import type { Device } from '../../src/backends/index.ts';
import { disagreement } from '../support/agreement.ts';
import { expectSame } from '../support/check-backends.ts';
import { runInProcess, runOnDevice } from '../support/program-case.ts';
import type { Case, Results } from '../support/program-case.ts';
import { describeCase, randomCase } from '../support/random-graph.ts';
import { randomNetwork } from '../support/random-network.ts';

/** How many random programs; EVENKEEL_FUZZ=5000 runs more, EVENKEEL_FUZZ_FROM=1234 starts at another seed. */
const COUNT = Number(process.env.EVENKEEL_FUZZ ?? 600);
const FROM = Number(process.env.EVENKEEL_FUZZ_FROM ?? 0);
const BATCH = 50;
/** Every so many programs one is large enough for chunks, blocks and threads. */
const LARGE = 25;
const STEPS = 2;
const NETWORKS = Math.ceil(COUNT / 20);

let plain: Device;
let threads: Device;
beforeAll(async () => {
  plain = await (await backends.plain()).open({});
  threads = await (await backends.wasm()).open({ threads: 2 });
});
afterAll(async () => {
  await plain.close();
  await threads.close();
});

describe('random programs agree with the oracle on every backend, step after step', () => {
  const batches = Array.from({ length: Math.ceil(COUNT / BATCH) }, (_, i) => FROM + i * BATCH);
  test.each(batches)(`${BATCH} programs from seed %i`, async (first) => {
    for (let seed = first; seed < Math.min(first + BATCH, FROM + COUNT); seed++) await checkSeed(seed);
  }, 120_000);
});

describe('training steps of random networks agree with the oracle', () => {
  test.each(Array.from({ length: Math.ceil(NETWORKS / 10) }, (_, i) => FROM + 10 * i))('10 networks from seed %i', async (first) => {
    for (let seed = first; seed < Math.min(first + 10, FROM + NETWORKS); seed++) await checkOn(seed, randomNetwork(seed), seed % 3 === 0);
  }, 120_000);
});

async function checkSeed(seed: number): Promise<void> {
  const large = seed % LARGE === 0;
  await checkOn(seed, randomCase(seed, large ? { limit: 8000 } : {}), large);
}

async function checkOn(seed: number, of: Case, onThreads: boolean): Promise<void> {
  try {
    const alone = runInProcess(of, { steps: STEPS });
    compare('wasm', of, alone);
    if (seed % 4 === 0) expectSame(runInProcess(of, { threads: 3 })[0], alone[0]);
    compare('plain', of, await runOnDevice(plain, of, STEPS));
    if (onThreads) expectSame((await runOnDevice(threads, of))[0], runInProcess(of, { tile: threads.tile })[0]);
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n${describeCase(of)}`, { cause: error });
  }
}

/** Each step against the oracle, which starts from the refs that the step before left. */
function compare(name: string, of: Case, steps: readonly Results[]): void {
  const refs = new Map(of.refs);
  for (const [step, results] of steps.entries()) {
    expect(disagreement({ ...of, refs: new Map(refs) }, results), `${name}, step ${step}`).toBeUndefined();
    of.program.assigns.forEach(({ ref: { attrs } }, i) => refs.set((attrs as { ref: object }).ref, results[of.program.outputs.length + i]));
  }
}

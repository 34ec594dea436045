/** What a peer process speaks: JSON lines on stdin and stdout, one answer for every line asked. */

import { createInterface } from 'node:readline';
import { performance } from 'node:perf_hooks';

/** One prepared row: `step` does the work once and resolves when its result is there. */
export interface Work {
  readonly step: () => Promise<unknown> | unknown;
  readonly note?: string;
}

/** The rows of a peer: each prepares its data when it is asked for the first time, and throws if it cannot run. */
export type Rows = Readonly<Record<string, () => Promise<Work> | Work>>;

/** Asked of a peer: run the row so many times. */
export interface Ask {
  readonly row: string;
  readonly iterations: number;
}

/** Answered by a peer: milliseconds of each iteration, or why there are none. */
export interface Answer {
  readonly row: string;
  readonly ms?: readonly number[];
  readonly note?: string;
  readonly unsupported?: string;
}

/** The first line of a peer. */
export interface Hello {
  readonly ready: true;
  readonly version: string;
  readonly threads: number;
}

/** Says hello and answers until stdin closes. */
export async function serve(version: string, threads: number, rows: Rows): Promise<void> {
  say({ ready: true, version, threads } satisfies Hello);
  const prepared = new Map<string, Work>();
  for await (const line of createInterface({ input: process.stdin })) {
    const { row, iterations } = JSON.parse(line) as Ask;
    say(await answer(rows, prepared, row, iterations));
  }
}

async function answer(rows: Rows, prepared: Map<string, Work>, row: string, iterations: number): Promise<Answer> {
  try {
    if (!rows[row]) return { row, unsupported: 'no such row in this peer' };
    const work = prepared.get(row) ?? await rows[row]();
    prepared.set(row, work);
    const ms: number[] = [];
    for (let i = 0; i < iterations; i++) {
      const start = performance.now();
      await work.step();
      ms.push(performance.now() - start);
    }
    return { row, ms, note: work.note };
  } catch (error) {
    return { row, unsupported: (error instanceof Error ? error.message : String(error)).split('\n')[0] };
  }
}

/** The number of threads that the driver passed as the first argument. */
export function wantedThreads(): number {
  return Number(process.argv[2] ?? 2);
}

function say(message: Answer | Hello): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

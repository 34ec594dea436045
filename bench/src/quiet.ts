/** Waiting for a moment when no other program computes; peers that spin on barriers suffer most from company. */

import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

const SAMPLE_MS = 50, BUSY = 0.15, TURN_MS = 4000, RUN_MS = 60_000;

/** Makes a wait that resolves to true once less than 15 percent of all cores were busy for 50 ms, and to false after four
 *  seconds, or at once when the waits of this run have taken a minute in all. */
export function patience(): () => Promise<boolean> {
  let left = RUN_MS;
  return async () => {
    for (let waited = 0; waited < Math.min(TURN_MS, left); waited += SAMPLE_MS) {
      if (await busy() < BUSY) return true;
      left -= SAMPLE_MS;
    }
    return await busy() < BUSY;
  };
}

async function busy(): Promise<number> {
  const before = times();
  await pause(SAMPLE_MS);
  const after = times();
  const total = after.total - before.total;
  return total > 0 ? 1 - (after.idle - before.idle) / total : 0;
}

function times(): { readonly idle: number; readonly total: number } {
  let idle = 0, total = 0;
  for (const { times: t } of cpus()) {
    idle += t.idle;
    total += t.user + t.nice + t.sys + t.irq + t.idle;
  }
  return { idle, total };
}

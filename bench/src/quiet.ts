/** Waiting for a moment when no other program computes; peers that spin on barriers suffer most from company. */

import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

const SAMPLE_MS = 50, BUSY = 0.15, PATIENCE_MS = 4000;

/** Resolves when less than 15 percent of all cores were busy for 50 ms, or after four seconds; true if it became quiet. */
export async function quiet(): Promise<boolean> {
  for (let waited = 0; waited < PATIENCE_MS; waited += SAMPLE_MS) {
    if (await busy() < BUSY) return true;
  }
  return false;
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

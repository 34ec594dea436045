/** Runs one row on all peers in turns, a few iterations each, so that a slow moment of the machine hits all of them. */

import type { PeerProcess } from './peer-process.ts';
import type { Row } from './rows.ts';

/** A peer's result on a row: the median of its iterations, or the reason why there is none. */
export interface Result {
  readonly peer: string;
  readonly medianMs?: number;
  readonly minMs?: number;
  readonly iterations: number;
  /** Turns that began while other programs kept the machine busy; above 0 the figures are doubtful. */
  readonly disturbed: number;
  readonly note?: string;
  readonly unsupported?: string;
}

/** Iterations of one turn take about this long, and a step that takes longer than SLOW_MS is run once only. */
const TURN_MS = 250, SLOW_MS = 2000, MOST = 20;

interface Contestant {
  readonly process: PeerProcess;
  readonly quiet: () => Promise<boolean>;
  readonly samples: number[];
  /** Turns that began while other programs kept the machine busy. */
  disturbed: number;
  perTurn: number;
  note?: string;
  unsupported?: string;
}

/** @param quiet  waits for a quiet moment of the machine; false if there was none */
export async function measureRow(row: Row, processes: readonly PeerProcess[], rounds: number, quiet: () => Promise<boolean>): Promise<Result[]> {
  const contestants: Contestant[] = processes.map((process) => ({ process, quiet, samples: [], disturbed: 0, perTurn: 0 }));
  for (const contestant of contestants) await warmUp(contestant, row);
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 ? [...contestants].reverse() : contestants;
    for (const contestant of order) {
      if (contestant.perTurn > 0) await turn(contestant, row, contestant.perTurn);
    }
  }
  return contestants.map(result);
}

/** The first iteration compiles and is thrown away; the second says how many fit into a turn. */
async function warmUp(contestant: Contestant, row: Row): Promise<void> {
  await turn(contestant, row, 1);
  contestant.samples.length = 0;
  if (contestant.unsupported) return;
  await turn(contestant, row, 1);
  const ms = contestant.samples[0];
  if (contestant.unsupported || ms > SLOW_MS) return;
  contestant.samples.length = 0;
  contestant.perTurn = Math.max(2, Math.min(MOST, Math.round(TURN_MS / ms)));
  await turn(contestant, row, contestant.perTurn);
  contestant.samples.length = 0;
}

async function turn(contestant: Contestant, row: Row, iterations: number): Promise<void> {
  if (!await contestant.quiet()) contestant.disturbed++;
  const answer = await contestant.process.ask(row.name, iterations);
  contestant.note = answer.note;
  if (answer.ms) contestant.samples.push(...answer.ms);
  else {
    contestant.unsupported = answer.unsupported ?? 'no answer';
    contestant.perTurn = 0;
  }
}

function result({ process, samples, disturbed, note, unsupported }: Contestant): Result {
  const peer = process.peer.name, iterations = samples.length;
  if (unsupported || iterations === 0) return { peer, iterations: 0, disturbed, note, unsupported: unsupported ?? 'no iteration' };
  const sorted = [...samples].sort((a, b) => a - b);
  return { peer, medianMs: sorted[iterations >> 1], minMs: sorted[0], iterations, disturbed, note };
}

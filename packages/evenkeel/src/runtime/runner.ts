/** A program made ready to run, by the oracle or on the device. */
import type { TypedArray } from '../base/index.ts';
import type { Plan } from '../compiler/index.ts';
import type { Program } from '../graph/index.ts';
import type { Feed } from './feed.ts';
import { oracleRunner } from './oracle.ts';
import { backendName, currentDevice, openDevice } from './state.ts';

export interface Runner {
  /** Undefined where nothing was compiled (the oracle). */
  readonly plan: Plan | undefined;
  /** Runs once: feeds in slot order in, outputs in the program's order out; variables get their new values. Only inside the queue. */
  run(feeds: readonly Feed[]): Promise<TypedArray[]>;
  dispose(): void;
}

/** Makes a program ready for the backend that is chosen now. Only inside the queue. */
export async function prepare(program: Program, debug: boolean): Promise<Runner> {
  if (debug || backendName() === 'oracle') return oracleRunner(program, debug);
  await openDevice();
  return (await import('./device-runner.ts')).deviceRunner(program);
}

/** A token that changes when runners made before no longer hold: another backend, or another device. */
export function generation(): unknown {
  return currentDevice()?.generation ?? backendName();
}

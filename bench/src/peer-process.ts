/** One peer as a child process that lives as long as the run; a question that takes too long ends it. */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Answer, Hello } from './peers/protocol.ts';
import type { Peer } from './peers.ts';

const LIMIT_MS = 60_000;

export class PeerProcess {
  readonly peer: Peer;
  /** What the peer said it is; empty before it has started. */
  version = '';
  readonly #threads: number;
  #child: ChildProcessWithoutNullStreams | undefined;
  #complaint = '';
  #waiting: ((line: Answer | Hello | undefined) => void) | undefined;

  constructor(peer: Peer, threads: number) {
    this.peer = peer;
    this.#threads = threads;
  }

  /** Runs a row so many times; why it could not is in the answer, never thrown. */
  async ask(row: string, iterations: number): Promise<Answer> {
    if (!this.#child && !await this.#start()) return { row, unsupported: `did not start: ${this.#complaint}` };
    this.#child!.stdin.write(`${JSON.stringify({ row, iterations })}\n`);
    const answer = await this.#next(LIMIT_MS);
    if (answer && 'row' in answer) return answer;
    const ended = this.#child!.exitCode !== null || this.#child!.signalCode !== null;
    this.stop();
    return { row, unsupported: ended ? `ended: ${this.#complaint}` : `no answer within ${LIMIT_MS / 1000} s` };
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #start(): Promise<boolean> {
    const [program, ...args] = this.peer.command(this.#threads);
    const child = spawn(program, args);
    this.#child = child;
    this.#complaint = 'no output';
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#waiting?.(JSON.parse(line) as Answer | Hello);
    });
    child.stderr.on('data', (text: Buffer) => {
      this.#complaint = complaint(text.toString()) || this.#complaint;
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      this.#complaint = error.message;
      this.#waiting?.(undefined);
    });
    child.on('close', () => {
      if (this.#child === child) this.#waiting?.(undefined);
    });
    const hello = await this.#next(LIMIT_MS);
    if (!hello || !('ready' in hello)) {
      this.stop();
      return false;
    }
    this.version = `${hello.version}, ${hello.threads} thread${hello.threads === 1 ? '' : 's'}`;
    return true;
  }

  #next(limit: number): Promise<Answer | Hello | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#waiting?.(undefined), limit);
      this.#waiting = (line) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve(line);
      };
    });
  }
}

/** The line that names an error, or else the last one. */
function complaint(text: string): string {
  const lines = text.trim().split('\n').map((line) => line.trim());
  return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1)!;
}

/**
 * What a pool's thread runs, as plain JavaScript text, so that no bundler has to know of a second file. It waits in
 * Atomics.wait, does what the control block commands, and goes to its event loop only when told that a message waits there.
 */

/** Words (of 4 bytes) of the control block at the start of the memory; each group has a cache line of its own. */
export const CONTROL = {
  /** The barrier's three words: count, generation, threads. */
  barrier: 0,
  /** Grows with every command; threads sleep on it. */
  go: 16,
  command: 17,
  plan: 18,
  /** Threads that have not finished the command. */
  remaining: 32,
  /** Grows when the last thread has finished; the host sleeps on it. */
  done: 48,
} as const;

export const COMMAND = { run: 1, listen: 2 } as const;

/** Host to thread. The first message has `start`. */
export interface ThreadMessage {
  readonly start?: { readonly memory: WebAssembly.Memory; readonly thread: number; readonly threads: number; readonly announce: boolean };
  readonly load: readonly { readonly id: number; readonly modules: readonly WebAssembly.Module[]; readonly entry: string }[];
  readonly unload: readonly number[];
}

/** Thread to host: the message was carried out; the plan ended (only with `announce`); the plan trapped. */
export type ThreadReport = { readonly kind: 'ready' } | { readonly kind: 'done' } | { readonly kind: 'trap'; readonly message: string };

const BODY = `
const plans = new Map();
let words, memory, thread, threads, announce, seen;
function receive(message) {
  try {
    if (message.start) {
      ({ memory, thread, threads, announce } = message.start);
      words = new Int32Array(memory.buffer, 0, 256);
      seen = Atomics.load(words, ${CONTROL.go});
    }
    for (const id of message.unload) plans.delete(id);
    for (const { id, modules, entry } of message.load) {
      plans.set(id, modules.reduce((found, module) => ({ ...found, ...new WebAssembly.Instance(module, { env: { ...found, memory } }).exports }), {})[entry]);
    }
  } catch (error) {
    post({ kind: 'trap', message: String(error) });
    return;
  }
  post({ kind: 'ready' });
  serve();
}
function serve() {
  for (;;) {
    Atomics.wait(words, ${CONTROL.go}, seen);
    const now = Atomics.load(words, ${CONTROL.go});
    if (now === seen) continue;
    seen = now;
    if (Atomics.load(words, ${CONTROL.command}) === ${COMMAND.listen}) return;
    try {
      plans.get(Atomics.load(words, ${CONTROL.plan}))(thread, threads);
    } catch (error) {
      post({ kind: 'trap', message: String(error) });
      return;
    }
    if (Atomics.sub(words, ${CONTROL.remaining}, 1) !== 1) continue;
    Atomics.add(words, ${CONTROL.done}, 1);
    Atomics.notify(words, ${CONTROL.done});
    if (announce) post({ kind: 'done' });
  }
}`;

/** For worker_threads with eval. */
export const NODE_SOURCE = `'use strict';
const { parentPort } = require('node:worker_threads');
const post = (report) => parentPort.postMessage(report);
parentPort.on('message', receive);
${BODY}`;

/** For a Worker of the web. */
export const WEB_SOURCE = `
const post = (report) => self.postMessage(report);
self.onmessage = (event) => receive(event.data);
${BODY}`;

/** A browser's `Worker` for Node, as little of it as jax-js needs to run its kernels on several threads. */

import { resolveObjectURL } from 'node:buffer';
import { Worker as NodeWorker } from 'node:worker_threads';

const PRELUDE = `
const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => globalThis.onmessage({ data }));
`;

/** Runs the script behind a blob URL; messages that come before it has started are kept in order. */
export class WebWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined;
  onerror: ((event: { message: string }) => void) | undefined;
  readonly #worker: Promise<NodeWorker>;

  constructor(url: string) {
    this.#worker = this.#start(url);
  }

  postMessage(message: unknown): void {
    void this.#worker.then((worker) => worker.postMessage(message));
  }

  async #start(url: string): Promise<NodeWorker> {
    const worker = new NodeWorker(PRELUDE + await resolveObjectURL(url)!.text(), { eval: true });
    worker.unref();
    worker.on('message', (data) => this.onmessage?.({ data }));
    worker.on('error', (error: Error) => this.onerror?.({ message: error.message }));
    return worker;
  }
}

/** Makes `Worker` and a `navigator.hardwareConcurrency` of `threads` global, as in a page. */
export function pretendBrowser(threads: number): void {
  Object.defineProperty(globalThis, 'Worker', { value: WebWorker, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency: threads }, configurable: true });
}

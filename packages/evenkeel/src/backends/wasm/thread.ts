/** One thread of the host, whatever the host calls it: worker_threads in Node, a Worker in browsers, Deno and Bun. */
import { Fault } from '../../base/index.ts';
import { NODE_SOURCE, WEB_SOURCE } from './thread-source.ts';
import type { ThreadMessage, ThreadReport } from './thread-source.ts';

export interface Thread {
  post(message: ThreadMessage): void;
  /** Whether the process must stay alive for it. */
  hold(held: boolean): void;
  terminate(): Promise<void>;
}

export interface ThreadEvents {
  report(report: ThreadReport): void;
  /** The thread could not start, or ended by itself. */
  failure(error: unknown): void;
}

/** @throws Fault E603 if the host has no threads or forbids them */
export function startThread(events: ThreadEvents): Thread {
  try {
    return typeof Worker === 'undefined' ? nodeThread(events) : webThread(events);
  } catch (error) {
    throw new Fault({
      code: 'E603', op: 'threads', rule: 'the host refused to start a thread', detail: [String(error)],
      hint: 'call configure({ threads: 1 }), or allow workers (in a browser: worker-src blob: in the content security policy)',
    });
  }
}

function nodeThread(events: ThreadEvents): Thread {
  const { Worker: NodeWorker } = process.getBuiltinModule('node:worker_threads');
  const worker = new NodeWorker(NODE_SOURCE, { eval: true, name: 'evenkeel', execArgv: [] });
  worker.on('message', (report: ThreadReport) => events.report(report));
  worker.on('error', (error) => events.failure(error));
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    hold: (held) => (held ? worker.ref() : worker.unref()),
    terminate: async () => { await worker.terminate(); },
  };
}

function webThread(events: ThreadEvents): Thread {
  const url = URL.createObjectURL(new Blob([WEB_SOURCE], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module', name: 'evenkeel' });
  worker.onmessage = (event: MessageEvent<ThreadReport>) => {
    URL.revokeObjectURL(url);
    events.report(event.data);
  };
  worker.onerror = (event) => events.failure(event.message);
  // Bun and Deno can let a process end while a worker sleeps; pages need not.
  const lifetime = worker as Worker & { readonly ref?: () => void; readonly unref?: () => void };
  return {
    post: (message) => worker.postMessage(message),
    hold: (held) => (held ? lifetime.ref?.() : lifetime.unref?.()),
    terminate: async () => worker.terminate(),
  };
}

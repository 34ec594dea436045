/** The page: `trainInWorker(options)` for the test to call. */
import type { StepsOptions } from './steps.ts';
import type { Answer } from './worker.ts';

Object.assign(globalThis, {
  trainInWorker: (options: StepsOptions): Promise<Answer> => new Promise((resolve) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('error', ({ message, filename, lineno }) => resolve({ error: `${message} at ${filename}:${lineno}` }));
    worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
      worker.terminate();
      resolve(data);
    });
    worker.postMessage(options);
  }),
});

/** The page's worker: trains when told to and posts the losses back. */
import { trainSteps } from './steps.ts';
import type { StepsOptions } from './steps.ts';

/** What the worker answers. */
export type Answer = { readonly losses: readonly number[]; readonly isolated: boolean } | { readonly error: string };

addEventListener('message', ({ data }: MessageEvent<StepsOptions>) => {
  void trainSteps(data).then(
    (losses): Answer => ({ losses, isolated: crossOriginIsolated }),
    (error: unknown): Answer => ({ error: error instanceof Error ? error.stack ?? error.message : String(error) }),
  ).then((answer) => postMessage(answer));
});

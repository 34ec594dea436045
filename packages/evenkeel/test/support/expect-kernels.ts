/** The number of kernels is asserted, so that fusion cannot rot. */
import { expect } from 'vitest';
import { compile } from '../../src/index.ts';
import type { Step } from '../../src/index.ts';

type StepFunction = Parameters<typeof compile>[1];
type Feeds = Parameters<Step>[0];

/** Compiles and runs a step once and expects its plan to have `count` kernels. */
export async function expectKernels(fn: StepFunction, feeds: Feeds, count: number): Promise<void> {
  const step = compile('kernels', fn);
  await step(feeds);
  expect(step.plans).toHaveLength(1);
  const names = step.plans[0].kernels.map((k) => k.name);
  expect(names, await step.explain()).toHaveLength(count);
}

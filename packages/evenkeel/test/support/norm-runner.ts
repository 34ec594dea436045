/** Runs a golden case of normalization on a layer of evenkeel, step by step, as compiled steps. */
import { existsSync } from 'node:fs';
import * as ek from '../../src/index.ts';
import type { Param, Ref, Tensor } from '../../src/index.ts';
import { expectDigest, inputOf, probeOf, upstreamOf, valuesOf } from './golden-norms.ts';
import type { Digest, NormGolden, NormStep } from './golden-norms.ts';

/** A layer behind the goldens' names. */
export interface NormSubject {
  /** What the layer makes of x in this step; `mask` is the step's. */
  forward(x: Tensor, step: NormStep, mask?: Tensor): Tensor;
  readonly params: Readonly<Record<string, Param>>;
  /** State that the goldens name; those missing here are not compared. */
  readonly running: Readonly<Record<string, Ref>>;
  /** Before a step, outside of it: freezing and switches. */
  prepare?(step: NormStep): void;
}

/** Allowed errors, each times the largest magnitude (or 1). */
export interface Tolerance {
  readonly values: number;
  readonly gradients?: number;
  readonly running?: number;
}

export type GoldenBackend = 'oracle' | 'wasm' | 'plain';

/** The f64 reference, and every backend that can be had. */
export const goldenBackends: readonly GoldenBackend[] = existsSync(new URL('../../src/backends/plain/index.ts', import.meta.url))
  ? ['oracle', 'wasm', 'plain'] : ['oracle', 'wasm'];

/** Gives params and state the golden's initial values, runs all steps, and compares whatever the golden tells of each. */
export async function followNorm(golden: NormGolden, subject: NormSubject, tolerance: Tolerance): Promise<void> {
  for (const [name, recipe] of Object.entries(golden.state ?? {})) (subject.params[name] ?? subject.running[name])?.write(valuesOf(recipe));
  const compiled = new Map<string, ek.Step>();
  for (const [i, step] of golden.steps.entries()) {
    subject.prepare?.(step);
    const key = JSON.stringify([step.mode, step.forwards, Object.keys(step.gradients ?? {}), Object.keys(step.second ?? {}), step.output !== undefined]);
    if (!compiled.has(key)) compiled.set(key, stepOf(golden, subject, step));
    await check(golden, i, compiled.get(key)!, subject, tolerance);
  }
  for (const step of compiled.values()) step.dispose();
}

function stepOf(golden: NormGolden, subject: NormSubject, step: NormStep): ek.Step {
  return ek.compile(golden.name, ({ x, upstream, probe, mask }) => {
    let y = subject.forward(x, step, mask);
    for (let call = 1; call < (step.forwards ?? 1); call++) y = y.add(subject.forward(x, step, mask));
    if (!step.gradients) return { y };
    const sources: Readonly<Record<string, Tensor | Ref>> = { ...subject.params, x, upstream };
    const of = (loss: Tensor, wanted: Readonly<Record<string, Digest>>): Record<string, Tensor> => {
      const names = Object.keys(wanted);
      const gradients = ek.grad(loss, names.map((name) => sources[name]));
      return Object.fromEntries(names.map((name, i) => [name, gradients[i]]));
    };
    const first = of(y.mul(upstream).sum(), step.gradients);
    const second = step.second ? of(first.x.mul(probe).sum(), step.second) : {};
    return { y, ...prefixed('gradient of ', first), ...prefixed('second gradient of ', second) };
  }, { mode: step.mode ?? 'train' }) as ek.Step;
}

async function check(golden: NormGolden, index: number, step: ek.Step, subject: NormSubject, tolerance: Tolerance): Promise<void> {
  const wanted = golden.steps[index];
  const x = inputOf(golden, index, wanted.samples);
  const given: Record<string, Tensor> = { x };
  if (wanted.gradients) given.upstream = upstreamOf(golden, wanted.output!.shape);
  if (wanted.second) given.probe = probeOf(golden, x.shape);
  if (wanted.mask) given.mask = ek.tensor(Float32Array.from(wanted.mask), x.shape.slice(0, -1));
  const got = await step(given) as Readonly<Record<string, Tensor>>;
  const compare = async (what: string, digest: Digest, allowed: number): Promise<void> => {
    const value: Tensor | number = got[what];
    const [shape, data] = typeof value === 'number' ? [[], [value]] : [value.shape, await value.data()];
    expectDigest(`${what === 'y' ? 'output' : what} in step ${index}`, shape, data, digest, allowed);
  };
  const { values, gradients = values, running = values } = tolerance;
  if (wanted.output) await compare('y', wanted.output, values);
  for (const [name, digest] of Object.entries(wanted.gradients ?? {})) await compare(`gradient of ${name}`, digest, gradients);
  for (const [name, digest] of Object.entries(wanted.second ?? {})) await compare(`second gradient of ${name}`, digest, gradients);
  for (const [name, digest] of Object.entries(wanted.running ?? {})) {
    const ref = subject.running[name];
    if (ref) expectDigest(`${name} after step ${index}`, ref.shape, await ref.read(), digest, running);
  }
}

function prefixed(prefix: string, record: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [prefix + key, value]));
}

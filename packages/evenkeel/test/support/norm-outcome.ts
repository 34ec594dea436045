/** Everything that one training step with a normalization layer gives, for comparing layers and backends. */
import { expect } from 'vitest';
import { compile, grad, tensor } from '../../src/index.ts';
import type { nn, Tensor } from '../../src/index.ts';
import { randomValues } from './check-op.ts';

/** Values by name: y, dx, gradients of parameters by path, buffers after the step. */
export type Outcome = Readonly<Record<string, readonly number[]>>;

/** f32 values in about -1.5 .. 2, other ones for each seed. */
export function sample(shape: readonly number[], seed = 1): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from(randomValues(size, -1.5, 2, seed)), shape);
}

/** Runs a compiled training step: y = forward(x), then the gradients of a random weighting of y. */
export async function outcomeOf(layer: nn.Module, x: Tensor, forward: (x: Tensor) => Tensor = (t) => (layer as nn.Model).forward(t)): Promise<Outcome> {
  const step = compile('step', ({ x: input }) => {
    const y = forward(input);
    const params = [...layer.namedParams()].filter(([, param]) => param.trainable);
    const gradients = grad(y.mul(sample(y.shape, 77)).sum(), [input, ...params.map(([, param]) => param)]);
    return { y, dx: gradients[0], ...Object.fromEntries(params.map(([name], i) => [`d ${name}`, gradients[i + 1]])) };
  }, { mode: 'train' });
  const got = await step({ x }) as Readonly<Record<string, Tensor | number>>;
  const values = await Promise.all(Object.entries(got).map(async ([name, value]) => [name, typeof value === 'number' ? [value] : [...await value.data()]] as const));
  const buffers = await Promise.all([...layer.namedBuffers()].map(async ([name, buffer]) => [name, [...await buffer.read()]] as const));
  step.dispose();
  return Object.fromEntries([...values, ...buffers]);
}

/** Every value of `wanted` is met, relative to the largest of its name (or 1). */
export function expectOutcome(got: Outcome, wanted: Outcome, tolerance = 2e-5): void {
  for (const [name, values] of Object.entries(wanted)) {
    expect(got[name]?.length, name).toBe(values.length);
    const largest = Math.max(1, ...values.map(Math.abs));
    values.forEach((value, i) => expect(Math.abs(got[name][i] - value), `${name} at ${i}: ${got[name][i]}, wanted ${value}`).toBeLessThanOrEqual(tolerance * largest));
  }
}

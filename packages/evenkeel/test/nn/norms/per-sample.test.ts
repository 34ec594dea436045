/** What all layers of the per-sample family are held to. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sizeOf } from '../../../src/base/index.ts';
import type { Node } from '../../../src/graph/index.ts';
import type * as nn from '../../../src/nn/index.ts';
import { withoutUpdates } from '../../../src/nn/index.ts';
import { configure, withMode } from '../../../src/runtime/index.ts';
import type { Mode } from '../../../src/runtime/index.ts';
import { compile, concat, grad, Tensor, tensor } from '../../../src/tensor/index.ts';
import type { Ref } from '../../../src/tensor/index.ts';
import { checkGradient, randomDense, randomValues } from '../../support/check-op.ts';
import { callNorm, normCases } from '../../support/norm-cases.ts';
import type { NormCase } from '../../support/norm-cases.ts';

const BACKENDS = ['oracle', 'wasm', 'plain'] as const;

afterAll(() => configure({ backend: 'wasm' }));

const inputsOf = ({ inputs }: NormCase, seed = 1): Tensor[] => inputs.map((shape, i) => tensor(Float32Array.from(randomValues(sizeOf(shape), -1, 2, 10 * seed + i)), shape));

/** The layer with its parameters made, and away from their first values: gradients of zeros and ones hide mistakes. */
function builtOf(of: NormCase): { readonly layer: nn.Module; readonly refs: readonly Ref[] } {
  const layer = of.make();
  withoutUpdates(() => callNorm(layer, inputsOf(of)));
  const refs = [...layer.params(), ...layer.buffers()];
  refs.forEach((ref, i) => ref.write(Float32Array.from(randomValues(ref.size, 0.4, 1.2, 50 + i))));
  return { layer, refs };
}

describe('gradients of the reference, in f64', () => {
  it.each(normCases.map((of) => [of.name, of] as const))('%s: first and second ones are those of finite differences', (_, of) => {
    const { layer, refs } = builtOf(of);
    const values = [...of.inputs.map((shape, i) => randomDense(shape, -1, 2, 20 + i)), ...refs.map((ref, i) => randomDense(ref.shape, 0.4, 1.2, 40 + i))];
    for (const mode of of.batch ? ['train', 'eval'] as const : ['train'] as const) {
      const forward = (...nodes: Node[]): Node => inMode(mode, () => {
        const xs = nodes.map((node) => new Tensor(node));
        const inner = (): Node => callNorm(layer, xs.slice(0, of.inputs.length)).node;
        return refs.reduceRight((fn, ref, i) => () => ref.as(xs[of.inputs.length + i], fn), inner)();
      });
      const few = values.reduce((n, v) => n + v.data.length, 0) < 150;
      checkGradient(forward, values, { order: few ? 2 : 1, tolerance: 2e-6 });
    }
  });
});

async function valuesOf(result: unknown): Promise<ArrayLike<number>> {
  return result instanceof Tensor ? result.data() : [result as number];
}

function inMode<T>(mode: Mode, fn: () => T): T {
  return withMode(mode, () => withoutUpdates(fn));
}

describe('backends', () => {
  it.each(normCases.map((of) => [of.name, of] as const))('%s: wasm and plain agree with the oracle, values and gradients', async (_, of) => {
    const { layer, refs } = builtOf(of);
    const names = [...of.inputs.map((_, i) => `x${i}`), ...layer.params().map((_, i) => `p${i}`)];
    const results: Record<string, ArrayLike<number>>[] = [];
    for (const backend of BACKENDS) {
      configure({ backend });
      const step = compile('norm', (given) => {
        const xs = of.inputs.map((_, i) => given[`x${i}`]);
        const y = callNorm(layer, xs);
        const weights = tensor(Float32Array.from(randomValues(y.size, -1, 1, 99)), y.shape);
        const gradients = grad(y.mul(weights).sum(), [...xs, ...layer.params()]);
        return { y, ...Object.fromEntries(names.map((name, i) => [name, gradients[i]])) };
      });
      refs.forEach((ref, i) => ref.write(Float32Array.from(randomValues(ref.size, 0.4, 1.2, 50 + i))));
      const got = await step(Object.fromEntries(inputsOf(of).map((x, i) => [`x${i}`, x])));
      results.push(Object.fromEntries(await Promise.all(Object.entries(got).map(async ([name, v]) => [name, await valuesOf(v)]))));
    }
    for (const [name, wanted] of Object.entries(results[0])) {
      const scale = Math.max(1, ...Array.from(wanted, Math.abs));
      for (const [b, got] of results.entries()) {
        Array.from(wanted, (value, i) => expect(Math.abs(got[name][i] - value), `${BACKENDS[b]} ${name}, element ${i}: ${got[name][i]} instead of ${value}`).toBeLessThan(5e-6 * scale));
      }
    }
  });
});

describe.each(['wasm', 'oracle'] as const)('swap probe, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.each(normCases.filter(({ batch }) => !batch).map((of) => [of.name, of] as const))('%s: a sample comes out the same to the last bit, whatever stands beside it, anywhere, in training', async (_, of) => {
    const { layer } = builtOf(of);
    const own = inputsOf(of).map((x) => x.slice([0], [1]));
    const batch = (at: number, seed: number): Tensor[] => inputsOf(of, seed).map((x, i) => concat([x.slice([0], [at]), own[i], x.slice([at + 1])]));
    const sample = async (at: number, seed: number, mode: Mode): Promise<unknown> => withMode(mode, () => callNorm(layer, batch(at, seed)).slice([at], [at + 1])).data();
    const wanted = await sample(0, 7, 'train');
    expect(await sample(0, 8, 'train')).toEqual(wanted);
    expect(await sample(1, 9, 'train')).toEqual(wanted);
    expect(await sample(1, 9, 'eval')).toEqual(wanted);
  });
});

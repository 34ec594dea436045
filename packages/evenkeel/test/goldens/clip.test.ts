import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, Param, SGD, tensor, type Tensor } from '../../src/index.ts';
import { readGolden, type GoldenDense } from '../support/golden-data.ts';

interface Clipping {
  readonly name: string;
  readonly ratio: number;
  readonly epsilon: number;
  readonly weight: GoldenDense;
  readonly gradient: GoldenDense;
  readonly clipped: readonly number[];
}

const { cases } = readGolden<{ readonly cases: readonly Clipping[] }>('clip');
const dense = ({ data, shape }: GoldenDense): Tensor => tensor(Float32Array.from(data), shape);

/** The rounding of f32 lengths of up to 27 values, relative to each value. */
const TOLERANCE = 1e-6;

describe.for(['oracle', 'wasm', 'plain'] as const)('adaptive clipping against timm and the authors, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.for(cases)('$name', async ({ ratio, epsilon, weight, gradient, clipped }) => {
    const param = new Param({ shape: weight.shape, name: 'w', data: weight.data });
    // An update of -1 times the gradient onto nothing: momentum's first velocity is the gradient itself, to all digits.
    const optimizer = new SGD({ rate: 1, momentum: 0.5, clipAdaptive: { ratio, epsilon } });
    const step = compile('clip', ({ g }) => optimizer.minimize(param.value.mul(g).sum(), [param]));
    await step({ g: dense(gradient) });
    const got = await [...optimizer.namedBuffers()].find(([name]) => name.startsWith('w.'))![1].read();
    clipped.forEach((value, i) => expect(Math.abs(got[i] - value), `element ${i}: ${got[i]}, expected ${value}`).toBeLessThanOrEqual(TOLERANCE * Math.abs(value)));
  });
});

import { afterAll, describe, expect, it } from 'vitest';
import { compile, configure, mul, nn, SGD, shutdown, sum } from '../../../src/index.ts';

/** Extents by rank, and the channel axes tried: in place of the batch, first behind it, middle, last. */
const cases: readonly (readonly [shape: readonly number[], axes: readonly number[]])[] = [
  [[6, 3], [0, 1]], [[4, 5, 3], [0, 1, 2]], [[3, 4, 5, 3], [0, 1, 2, 3]], [[2, 3, 4, 2, 5], [0, 1, 2, 4]],
];
const combinations = [{}, { scale: false }, { center: false }, { scale: false, center: false }];

/** Everything that two steps of training leave behind: losses, parameters, running statistics. */
async function trained(shape: readonly number[], options: nn.BatchNormOptions): Promise<number[]> {
  const layer = nn.batchNorm(options);
  const head = nn.linear(2);
  const size = shape.reduce((n, extent) => n * extent, 1);
  const x = { data: Float32Array.from({ length: size }, (_, i) => Math.sin(i * i) + 0.3), shape };
  const optimizer = new SGD({ rate: 0.05, momentum: 0.9 });
  const step = compile('combination', ({ x: input }) => {
    const y = head.forward(layer.forward(input.mul(2)));
    const loss = sum(mul(y, y)).mul(1 / size);
    optimizer.minimize(loss, [...layer.params(), ...head.params()]);
    return { loss };
  });
  const losses = [(await step({ x })).loss, (await step({ x })).loss];
  const state = await Promise.all([...layer.params(), ...head.params(), ...layer.buffers()].map((ref) => ref.read()));
  return [...losses, ...state.flatMap((values) => [...values])];
}

afterAll(() => shutdown());

describe.each(['wasm', 'plain'] as const)('%s', (backend) => {
  for (const [shape, axes] of cases) {
    for (const axis of axes) {
      it(`every scale and center trains at rank ${shape.length}, axis ${axis}`, async () => {
        for (const options of combinations) {
          await configure({ backend: 'oracle' });
          const wanted = await trained(shape, { ...options, axis, ...(axis === 0 && { channels: shape[0] }) });
          await configure({ backend });
          const got = await trained(shape, { ...options, axis, ...(axis === 0 && { channels: shape[0] }) });
          expect(got.length).toBe(wanted.length);
          // Two steps in f32 against f64: a few units in the last place of values around 1.
          got.forEach((value, i) => expect(Math.abs(value - wanted[i]), `${JSON.stringify(options)}, number ${i}`).toBeLessThan(1e-5 * (1 + Math.abs(wanted[i]))));
        }
      });
    }
  }
});

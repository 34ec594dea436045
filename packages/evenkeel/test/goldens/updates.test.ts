import { beforeAll, expect, it } from 'vitest';
import { Adam, compile, configure, Param, SGD, type Optimizer } from '../../src/index.ts';
import { goldenLayers, type GoldenUpdate } from '../support/golden-data.ts';

/** PyTorch's names on the left, ours on the right. */
function optimizerOf({ rule, options }: GoldenUpdate): Optimizer | undefined {
  const { lr: rate, weight_decay: weightDecay, eps: epsilon, betas, momentum, nesterov, ...rest } = options as Readonly<Record<string, never>>;
  if (Object.keys(rest).length > 0) return undefined;
  const [beta1, beta2] = (betas ?? []) as number[];
  if (rule === 'sgd') return new SGD({ rate, weightDecay, momentum, nesterov });
  if (rule === 'adam') return new Adam({ rate, weightDecay, epsilon, beta1, beta2 });
  if (rule === 'adamW') return new Adam({ rate, weightDecay: weightDecay ?? 0.01, epsilon, decoupled: true });
  return undefined;
}

beforeAll(() => configure({ backend: 'wasm' }));

const known = goldenLayers().updates.filter((update) => optimizerOf(update));

it.for(known.map((update) => [`${update.rule} ${JSON.stringify(update.options)}`, update] as const))('%s moves as in PyTorch', async ([, update]) => {
  const size = update.initial.length;
  const param = new Param({ shape: [size], name: 'p', data: update.initial });
  const optimizer = optimizerOf(update)!;
  const step = compile('update', ({ gradient }) => optimizer.minimize(param.value.mul(gradient).sum(), [param]));
  for (const [i, gradient] of update.gradients.entries()) {
    await step({ gradient: Float32Array.from(gradient) });
    const got = await param.read();
    update.values[i].forEach((value, at) => expect(got[at], `step ${i}, element ${at}`).toBeCloseTo(value, 5));
  }
});

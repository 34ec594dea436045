import { beforeAll, describe, expect, it } from 'vitest';
import { compile, configure, grad, nn, SGD, sum, tensor, zeros } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { withMode } from '../../../src/runtime/index.ts';
import { randomValues } from '../../support/check-op.ts';

beforeAll(() => configure({ backend: 'wasm', threads: 1 }));

type Plan = ReturnType<typeof compile>['plans'][number];

const feed = (shape: readonly number[], seed = 1) => ({ data: Float32Array.from(randomValues(shape.reduce((n, e) => n * e, 1), -1, 1, seed)), shape });

/** A training step of convolutions with what `norm` makes after each. */
async function planOf(depth: number, size: number, norm: () => readonly nn.Model[]): Promise<{ readonly plan: Plan; readonly losses: readonly number[] }> {
  const layers = Array.from({ length: depth }, () => [nn.conv2d(8, 3, { padding: 1, bias: false }), ...norm()]).flat();
  const model = nn.sequential({ input: [size, size, 8], seed: 1 }, ...layers);
  const optimizer = new SGD({ rate: 0.05 });
  const step = compile('train', ({ x }) => {
    const loss = model.forward(x).sub(0.5).square().mean();
    optimizer.minimize(loss, model.params());
    return { loss };
  });
  const x = feed([2, size, size, 8]);
  const losses = [(await step({ x })).loss, (await step({ x })).loss, (await step({ x })).loss];
  return { plan: step.plans[0], losses };
}

/** Bytes of temporaries that live across a kernel, at the turn from forward to backward: what the forward pass keeps. */
function keptBytes({ kernels }: Plan): number {
  const spans = new Map<object, { readonly bytes: number; first: number; last: number }>();
  kernels.forEach((kernel, i) => {
    for (const b of [...kernel.reads, ...kernel.writes]) {
      if (b.kind !== 'temp') continue;
      const span = spans.get(b);
      if (span) span.last = i;
      else spans.set(b, { bytes: b.size * 4, first: i, last: i });
    }
  });
  const alive = kernels.map((_, i) => [...spans.values()].reduce((sum, s) => sum + (s.first < i && s.last > i ? s.bytes : 0), 0));
  return Math.max(...alive);
}

describe('inPlaceBatchNorm', () => {
  it('computes what batchNorm and leaky ReLU compute', async () => {
    const x = tensor(feed([4, 3, 3, 5]).data, [4, 3, 3, 5]);
    const [own, plain] = [nn.inPlaceBatchNorm(), nn.batchNorm({ activation: 'leakyRelu' })];
    for (const mode of ['train', 'eval'] as const) {
      const [y, wanted] = [own, plain].map((layer) => withMode(mode, () => layer.forward(x)));
      const values = await wanted.data();
      (await y.data()).forEach((v, i) => expect(v).toBeCloseTo(values[i], 4));
    }
    expect(await own.runningVariance.read()).toEqual(await plain.runningVariance.read());
  });

  it.for(['leakyRelu', 'elu', 'identity'] as const)('has the gradients of batchNorm with %s, also behind a mask', async (activation) => {
    const slope = 0.25;
    const plain = nn.batchNorm({ activation: activation === 'leakyRelu' ? (y: Tensor) => nn.leakyRelu(slope).forward(y) : activation });
    const own = nn.inPlaceBatchNorm({ activation, slope });
    for (const layer of [plain, own]) {
      layer.build([4, 3]);
      layer.scale!.write([0.5, 1, 2]);
      layer.shift!.write([-0.2, 0.1, 0.3]);
    }
    const gradients = (layer: nn.Normalization) => compile('gradients', ({ x, g, mask }) => {
      const y = layer.forward(x, { mask });
      const [dx, dscale, dshift] = grad(sum(y.mul(g)), [x, layer.scale!, layer.shift!]);
      return { dx, dscale, dshift };
    });
    const mask = { data: Float32Array.from({ length: 20 }, (_, i) => (i % 3 ? 1 : 0)), shape: [5, 4] };
    const inputs = { x: feed([5, 4, 3]), g: feed([5, 4, 3], 2), mask };
    const [a, b] = [await gradients(own)(inputs), await gradients(plain)(inputs)];
    for (const name of ['dx', 'dscale', 'dshift'] as const) {
      const wanted = await b[name].data();
      (await a[name].data()).forEach((v, i) => expect(Math.abs(v - wanted[i])).toBeLessThan(1e-4));
    }
  });

  it('keeps less than 65 % of the activation bytes of batchNorm and ReLU, in about as many kernels', async () => {
    const plain = await planOf(6, 24, () => [nn.batchNorm(), nn.relu()]);
    const leaky = await planOf(6, 24, () => [nn.batchNorm({ activation: 'leakyRelu' })]);
    const own = await planOf(6, 24, () => [nn.inPlaceBatchNorm()]);
    for (const other of [plain, leaky]) {
      expect(keptBytes(own.plan) / keptBytes(other.plan)).toBeLessThan(0.65);
      expect(own.plan.kernels.length).toBeLessThanOrEqual(other.plan.kernels.length + 1);
    }
    own.losses.forEach((loss, i) => expect(Math.abs(loss - leaky.losses[i])).toBeLessThan(2e-3));
  });

  it('shrinks the whole arena of a deep stack by 35 %, gradients and inputs included', async () => {
    const plain = await planOf(16, 24, () => [nn.batchNorm(), nn.relu()]);
    const own = await planOf(16, 24, () => [nn.inPlaceBatchNorm()]);
    expect(own.plan.arenaBytes / plain.plan.arenaBytes).toBeLessThan(0.65);
  });

  it('refuses what cannot be undone', () => {
    expect(() => nn.inPlaceBatchNorm({ activation: 'relu' as never })).toThrow('E101 inPlaceBatchNorm: there is no activation that can be undone "relu".\n' +
      '     Fix: choose one of leakyRelu, elu, identity');
    expect(() => nn.inPlaceBatchNorm({ slope: 0 })).toThrow('slope must be more than 0, or the output does not tell the input');
    expect(() => nn.inPlaceBatchNorm({ epsilon: 0 })).toThrow('epsilon must be more than 0, because the factor is divided by');
    expect(() => nn.inPlaceBatchNorm().forward(zeros([2, 3]), { scale: zeros([2, 3]) })).toThrow('E224');
  });
});

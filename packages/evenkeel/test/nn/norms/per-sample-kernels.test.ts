/** Kernel counts of the per-sample family, so that fusion cannot rot. */
import { beforeAll, describe, it } from 'vitest';
import { configure, grad, nn } from '../../../src/index.ts';
import type { Tensor } from '../../../src/index.ts';
import { expectKernels } from '../../support/expect-kernels.ts';

beforeAll(() => configure({ backend: 'wasm', threads: 1 }));

interface Feed { readonly data: Float32Array; readonly shape: readonly number[] }

const feed = (...shape: number[]): Feed => ({ data: Float32Array.from({ length: shape.reduce((n, e) => n * e, 1) }, (_, i) => Math.sin(i)), shape });
const rows = { x: feed(64, 48), w: feed(48, 32) };
const images = { x: feed(8, 12, 12, 16), w: feed(16, 16) };

const forward = (layer: nn.Model) => ({ x }: Readonly<Record<string, Tensor>>) => ({ y: layer.forward(x).relu() });

/** Between two functions that need all of their input: what is before the norm, a product after it, and the way back to x and the parameters. */
const training = (layer: nn.Model) => ({ x, w }: Readonly<Record<string, Tensor>>) => {
  const loss = layer.forward(x).matmul(w).tanh().sum();
  const [dx, ...rest] = grad(loss, [x, ...layer.params()]);
  return { dx, ...Object.fromEntries(rest.map((g, i) => [`p${i}`, g])) };
};

const within = (layer: nn.Model, feeds: { readonly x: Feed; readonly w: Feed }, count: number) => async (): Promise<void> => {
  layer.build(feeds.x.shape.slice(1));
  await expectKernels(training(layer), { ...feeds }, count);
};

describe('forward', () => {
  it.each([
    ['layerNorm', () => nn.layerNorm(), rows, 1], ['layerNorm of images', () => nn.layerNorm(), images, 1],
    ['layerNorm of whole samples', () => nn.layerNorm({ axes: [1, 2, 3], scale: false, center: false }), images, 1],
    ['rmsNorm', () => nn.rmsNorm(), rows, 1], ['pixelNorm', () => nn.pixelNorm(), images, 1], ['unitNorm', () => nn.unitNorm(), rows, 1],
    ['dynamicTanh', () => nn.dynamicTanh(), rows, 1],
    ['instanceNorm', () => nn.instanceNorm({ scale: true, center: true }), images, 2],
    ['filterResponseNorm', () => nn.filterResponseNorm(), images, 2],
    ['groupNorm', () => nn.groupNorm({ groups: 4 }), images, 3],
  ] as const)('%s, activation included', (_, make, feeds, count) => expectKernels(forward(make()), { x: feeds.x }, count));
});

describe('forward and backward', () => {
  it('layerNorm', within(nn.layerNorm(), rows, 4));
  it('rmsNorm', within(nn.rmsNorm(), rows, 4));
  it('instanceNorm', within(nn.instanceNorm({ scale: true, center: true }), images, 5));
  it('groupNorm', within(nn.groupNorm({ groups: 4 }), images, 7));
});

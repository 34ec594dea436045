/** Padding that a mask covers: the per-sample family computes as if it were not there. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../../../src/nn/index.ts';
import { configure } from '../../../src/runtime/index.ts';
import { concat, full, grad, tensor, zeros } from '../../../src/tensor/index.ts';
import type { Tensor } from '../../../src/tensor/index.ts';
import { faultText } from '../../support/fault-text.ts';
import { sample } from '../../support/norm-outcome.ts';

type Forward = (x: Tensor, call: { readonly mask?: Tensor }) => Tensor;
interface Case { readonly name: string; readonly make: () => nn.Module; readonly forward?: (layer: nn.Module) => Forward }

const style = sample([2, 3, 3, 4], 5);
const map = sample([2, 1, 1, 2], 6);
/** A layer that is given something beside x. */
const beside = (companion: Tensor) => (layer: nn.Module): Forward => (x, call) =>
  (layer as nn.Spade).forward(x, companion.shape[0] === x.shape[0] ? companion : companion.slice([0], [1]), call);
const cases: readonly Case[] = [
  { name: 'instanceNorm', make: () => nn.instanceNorm() },
  { name: 'groupNorm', make: () => nn.groupNorm({ groups: 2 }) },
  { name: 'evoNormS0', make: () => nn.evoNormS0({ groups: 2 }) },
  { name: 'filterResponseNorm', make: () => nn.filterResponseNorm({ learnEpsilon: true }) },
  { name: 'globalResponseNorm', make: () => nn.globalResponseNorm() },
  { name: 'localResponseNorm in space', make: () => nn.localResponseNorm({ over: 'space', size: 3, alpha: 2 }) },
  { name: 'localResponseNorm over channels', make: () => nn.localResponseNorm({ size: 3, alpha: 2 }) },
  { name: 'adaptiveInstanceNorm', make: () => nn.adaptiveInstanceNorm(), forward: beside(style) },
  { name: 'adaptiveInstanceNorm by a vector', make: () => nn.adaptiveInstanceNorm({ style: 'vector' }), forward: beside(sample([2, 3], 7)) },
  { name: 'spade', make: () => nn.spade({ hidden: 2, kernel: 1 }), forward: beside(map) },
  { name: 'spade around groupNorm', make: () => nn.spade({ norm: nn.groupNorm({ groups: 2 }), hidden: 2, kernel: 1 }), forward: beside(map) },
];

const LENGTH = 3;
const x = sample([2, 5, 3, 4]);
/** The first sample is as long as LENGTH, the second whole. */
const mask = tensor(Int32Array.from({ length: 30 }, (_, i) => (i < 15 && Math.floor(i / 3) >= LENGTH ? 0 : 1)), [2, 5, 3]);
const padded = (by: number): Tensor => concat([concat([x.slice([0], [1, LENGTH]), full([1, 5 - LENGTH, 3, 4], by)], 1), x.slice([1])]);

function built({ make, forward }: Case): { readonly layer: nn.Module; readonly run: Forward } {
  const layer = make();
  const run = forward?.(layer) ?? ((input, call) => (layer as nn.GroupNorm).forward(input, call));
  run(x, {});
  layer.params().forEach((param, i) => param.write(Float32Array.from({ length: param.size }, (_, k) => 0.8 + 0.3 * Math.sin(3 * i + k))));
  return { layer, run };
}

const close = (values: ArrayLike<number>): unknown[] => Array.from(values, (value) => expect.closeTo(value, 5));

beforeAll(() => configure({ backend: 'wasm' }));

describe.each(cases.map((of) => [of.name, of] as const))('%s', (_, of) => {
  it('gives of padded samples what it gives of them without padding, whatever the padding is', async () => {
    const { run } = built(of);
    const short = await run(x.slice([0], [1, LENGTH]), {}).data();
    for (const form of [mask, mask.ne(0), mask.reshape([2, 5, 3, 1]), mask.slice([0, 0, 0], [2, 5, 1])]) {
      const y = run(padded(NaN), { mask: form });
      expect([...await y.slice([0], [1, LENGTH]).data()]).toEqual(close(short));
      expect([...await y.slice([1]).data()]).toEqual(close(await run(x, {}).slice([1]).data()));
    }
  });

  it('has the gradients of the samples without padding, and none at it', async () => {
    const { layer, run } = built(of);
    const gradients = (input: Tensor, call: { readonly mask?: Tensor }): Tensor[] => {
      const y = run(input, call).slice([0], [1, LENGTH]);
      return grad(y.mul(sample([1, LENGTH, 3, 4], 9)).sum(), [input, ...layer.params()]);
    };
    const [dx, ...rest] = gradients(padded(40), { mask });
    const [wanted, ...others] = gradients(x.slice([0], [1, LENGTH]), {});
    expect([...await dx.slice([0], [1, LENGTH]).data()]).toEqual(close(await wanted.data()));
    expect([...await dx.slice([0, LENGTH], [1, 5]).data()]).toEqual(new Array(24).fill(0));
    for (const [i, g] of rest.entries()) expect([...await g.data()]).toEqual(close(await others[i].data()));
  });

  it('E313: refuses a mask that does not lie over the input', () => {
    const { run } = built(of);
    for (const wrong of [zeros([2]), zeros([2, 5, 4]), zeros([2, 5, 3, 4])]) expect(() => run(x, { mask: wrong })).toThrow(/^E313 \w+: the mask must tell for each position/);
  });
});

it('a sample that is masked everywhere keeps finite values and gradients', async () => {
  for (const of of cases) {
    const { run } = built(of);
    const y = run(x, { mask: zeros([2, 5, 3]) });
    const [dx] = grad(y.sum(), [x]);
    for (const values of [await y.data(), await dx.data()]) expect([...values].every(Number.isFinite), of.name).toBe(true);
  }
});

describe('what a mask cannot be given to', () => {
  it('E101: spade around a norm that would ignore it', () => {
    const layer = nn.spade({ norm: nn.pixelNorm(), hidden: 2 });
    expect(faultText(() => layer.forward(x, map, { mask }))).toEqual([
      'E101 spade: norm must be one that takes a mask, where the call has one.', 'got "pixelNorm"', 'in model', 'Fix: for example norm: nn.instanceNorm()',
    ]);
  });

  it('E101: localResponseNorm in space of channels first, or over anything else', () => {
    expect(() => nn.localResponseNorm({ over: 'space', axis: 1 })).toThrow('E101 localResponseNorm: axis must be -1 for windows in space');
    expect(() => nn.localResponseNorm({ over: 'time' as 'space' })).toThrow('choose one of channels, space');
  });

  it('E313: domainBatchNorm by number', () => {
    const layer = nn.domainBatchNorm({ domains: ['a', 'b'] });
    expect(() => layer.forward(x, { domain: tensor(Int32Array.of(0, 1)), mask: zeros([2, 4]) })).toThrow('E313 domainBatchNorm');
  });
});

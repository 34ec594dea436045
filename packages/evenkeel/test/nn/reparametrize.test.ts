import { describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { compile, tensor } from '../../src/tensor/index.ts';
import type { Param, Tensor } from '../../src/tensor/index.ts';

/** Halves a weight. */
const half = (): nn.Model => nn.layer((w) => w.mul(0.5), 'half');

describe('reparametrize', () => {
  it('lets a layer read its weight through a rule, while everything else sees what is stored', async () => {
    const layer = nn.reparametrize(nn.linear(1, { bias: false, init: nn.init.constant(4) }), half());
    expect([...(await layer.forward(tensor([[1], [3]])).data())]).toEqual([2, 6]);
    expect([...(await layer.weight.value.data())]).toEqual([4]);
    expect(nn.isReparametrized(layer)).toBe(true);
  });

  it('applies several rules in the order of the calls', async () => {
    const layer = nn.linear(1, { bias: false, init: nn.init.constant(4) });
    nn.reparametrize(layer, nn.layer((w) => w.add(2)), { key: 'first' });
    nn.reparametrize(layer, half(), { key: 'second' });
    expect([...(await layer.forward(tensor([[1]])).data())]).toEqual([3]);
  });

  it('works on the layers of users, and on any parameter', async () => {
    class Gain extends nn.Module {
      gain!: Param;
      protected override setup(): void {
        this.gain = this.param('gain', [], nn.init.constant(3), { fanIn: 1, fanOut: 1 });
      }
      forward(x: Tensor): Tensor {
        return x.mul(this.gain);
      }
    }
    const layer = nn.reparametrize(new Gain(), nn.layer((w) => w.exp()), { param: 'gain' });
    expect((await layer.forward(tensor([2])).data())[0]).toBeCloseTo(2 * Math.exp(3), 4);
  });

  it('trains the stored weight through the rule', async () => {
    const layer = nn.reparametrize(nn.linear(1, { bias: false, init: nn.init.constant(4) }), half());
    const step = compile('step', ({ x }) => new SGD({ rate: 1 }).minimize(layer.forward(x).sum(), [layer.weight]));
    layer.build([1]);
    await step({ x: tensor([[3]]) });
    expect([...(await layer.weight.read())]).toEqual([2.5]);
  });

  it('bakes the weights: the same outputs from a plain layer', async () => {
    const model = nn.sequential({ input: [3] }, nn.weightNorm(nn.linear(4)), nn.relu(), nn.spectralNorm(nn.linear(2)));
    const x = tensor([[1, -2, 3]]);
    const before = await model.forward(x).data();
    expect(await nn.bakeWeights(model)).toBe(2);
    expect([...model.namedParams().keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    (await model.forward(x).data()).forEach((value, i) => expect(value).toBeCloseTo(before[i], 5));
    expect(model.modules().some(([, module]) => nn.isReparametrized(module))).toBe(false);
  });

  it('is noticed by compiled steps', async () => {
    const layer = nn.linear(1, { bias: false, init: nn.init.constant(4) });
    const step = compile('step', ({ x }) => ({ y: layer.forward(x).sum() }));
    expect((await step({ x: tensor([[1]]) })).y).toBe(4);
    nn.reparametrize(layer, half());
    expect((await step({ x: tensor([[1]]) })).y).toBe(2);
  });

  it('says what it cannot do', () => {
    expect(() => nn.reparametrize(nn.linear(2), half(), { param: 'kernel' }).build([3])).toThrow(
      'E350 reparametrize: the layer must have a parameter "kernel".\n     linear 2 has weight, bias\n     in model\n' +
      "     Fix: name one of them, for example { param: 'weight' }");
    expect(() => nn.weightNorm(nn.relu()).build([3])).toThrow('relu has no parameters of its own');
    expect(() => nn.weightNorm(nn.weightNorm(nn.linear(2)))).toThrow('E351 reparametrize: the layer already has something named "weightNorm".\n' +
      '     layer linear 2\n     Fix: wrap a layer once with each rule, or give reparametrize another key');
    expect(() => nn.reparametrize(nn.linear(2), nn.layer((w) => w.sum(0), 'total')).build([3])).toThrow(
      'E352 total: the rule must keep the shape of the weight.\n     weight [3, 2]   rule gives [2]\n     in model\n     Fix: reshape its result, or keep the reduced axes: { keepDims: true }');
    expect(() => nn.weightStandardization(nn.linear(2), { axis: 2 }).build([3])).toThrow(
      'E353 weightStandardization: axis must be the axis of the weight that counts its units.\n     weight [3, 2]   axis 2\n');
    expect(() => nn.weightStandardization(nn.linear(2)).build([1])).toThrow(
      'E354 weightStandardization: each unit needs more than one value to be standardized.\n     weight [1, 2]   units on axis 1: 1 value each\n');
    expect(() => nn.scaledWeightStandardization(nn.linear(2), { activation: 'swish' as 'silu' })).toThrow('E101 scaledWeightStandardization: activation must be one of identity, celu');
  });

  it('counts the parameters of rules in a summary', () => {
    const model = nn.sequential({ input: [3] }, nn.weightNorm(nn.linear(4)));
    expect(nn.summary(model)).toMatch(/0 linear 4 +\[N, 4\] +16\n0.weightNorm weightNorm +\[N, 4\] +4\n/);
  });
});

import { describe, expect, it } from 'vitest';
import * as nn from '../../../src/nn/index.ts';
import { SGD } from '../../../src/optim/index.ts';
import { withMode } from '../../../src/runtime/index.ts';
import { compile, tensor } from '../../../src/tensor/index.ts';
import type { Tensor } from '../../../src/tensor/index.ts';

class Block extends nn.Module {
  conv = nn.conv2d(4, 3);
  norm = nn.batchNorm();
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x)).relu();
  }
}

class Net extends nn.Module {
  blocks = [new Block(), new Block()];
  head = nn.sequential(nn.flatten(), nn.linear(3));
  forward(x: Tensor): Tensor {
    return this.head.forward(this.blocks.reduce((value, block) => block.forward(value), x));
  }
}

const built = (): Net => {
  const net = new Net();
  net.build([6, 6, 1]);
  return net;
};
const pixels = tensor(Float32Array.from({ length: 72 }, (_, i) => Math.sin(i)), [2, 6, 6, 1]);

describe('normsOf', () => {
  it('finds the normalization layers by path', () => {
    expect([...nn.normsOf(built()).keys()]).toEqual(['blocks.0.norm', 'blocks.1.norm']);
    const model = nn.sequential(nn.weightNorm(nn.linear(2)), nn.layerNorm(), nn.pixelNorm(), nn.relu(), nn.batchNorm());
    expect([...nn.normsOf(model).keys()]).toEqual(['1', '2', '4']);
    expect([...nn.normsOf(model, nn.BatchNorm).values()].map((norm) => norm.settings.decay)).toEqual([0.9]);
  });
});

describe('freezeNorms', () => {
  it('holds statistics, factors and offsets bit for bit, in training too', async () => {
    const net = built();
    nn.freezeNorms(net);
    const norm = net.blocks[0].norm;
    const state = async (): Promise<number[][]> => Promise.all([norm.scale!, norm.shift!, norm.runningMean, norm.runningVariance].map(async (ref) => [...await ref.read()]));
    const [before, weight] = [await state(), [...await net.blocks[0].conv.weight.read()]];
    const optimizer = new SGD({ rate: 0.001 });
    const step = compile('step', ({ x }) => { optimizer.minimize(net.forward(x).square().sum(), net.params()); });
    for (let i = 0; i < 100; i++) await step({ x: pixels });
    expect(await state()).toEqual(before);
    expect([...await net.blocks[0].conv.weight.read()]).not.toEqual(weight);
  });

  it('can let factors and offsets train', async () => {
    const net = built();
    expect([...nn.freezeNorms(net, { trainAffine: true }).keys()]).toEqual(['blocks.0.norm', 'blocks.1.norm']);
    const { norm } = net.blocks[0];
    const step = compile('step', ({ x }) => { new SGD({ rate: 0.1 }).minimize(net.forward(x).square().sum(), net.params()); });
    await step({ x: pixels });
    expect([...await norm.runningMean.read()]).toEqual([0, 0, 0, 0]);
    expect([...await norm.scale!.read()]).not.toEqual([1, 1, 1, 1]);
  });
});

describe('insertAfter', () => {
  it('puts a layer into a sequence and infers its sizes', () => {
    const model = nn.sequential({ input: [8, 8, 1] }, nn.conv2d(4, 3), nn.relu(), nn.flatten(), nn.linear(2));
    expect(nn.insertAfter(model, '0', nn.batchNorm())).toBe('1');
    expect([...model.namedParams().keys()]).toEqual(['0.weight', '0.bias', '1.scale', '1.shift', '4.weight', '4.bias']);
    expect(nn.summary(model)).toContain('1 batchNorm      [N, 6, 6, 4]');
    expect(nn.insertAfter(model, '', nn.softmax())).toBe('5');
  });

  it('puts a layer behind one of a class, wherever that is called', async () => {
    const net = built();
    const before = await net.forward(pixels).data();
    expect(nn.insertAfter(net, 'blocks.0.conv', nn.layer((x) => x.mul(0), 'zero'))).toBe('blocks.0.conv.after');
    expect(nn.insertAfter(net, 'blocks.1.conv', nn.groupNorm({ groups: 2 }))).toBe('blocks.1.conv.after');
    expect(nn.insertAfter(net, 'head.0', nn.batchNorm())).toBe('head.1');
    expect([...net.namedParams().keys()]).toContain('blocks.1.conv.after.scale');
    expect([...net.namedParams().keys()]).toContain('head.2.weight');
    const [a, b] = [await net.forward(pixels).data(), await net.forward(tensor(new Float32Array(72), [2, 6, 6, 1])).data()];
    expect([...a]).toEqual([...b]);
    expect([...a]).not.toEqual([...before]);
  });

  it('names the layers there are for a path that leads nowhere', () => {
    expect(() => nn.insertAfter(built(), 'block.0.norm', nn.relu())).toThrow('E360 insertAfter: the model has no layer "block.0.norm".\n' +
      '     it has blocks.0, blocks.0.conv, blocks.0.norm, blocks.1, blocks.1.conv, blocks.1.norm, head, head.0, head.1\n' +
      "     Fix: name one of them, for example 'blocks.0.norm'; summary(model) shows what each is");
  });

  it('leaves the model as it was where shapes no longer fit', () => {
    const model = nn.sequential({ input: [8, 8, 1] }, nn.conv2d(4, 3), nn.flatten(), nn.linear(2));
    const before = nn.summary(model);
    expect(() => nn.insertAfter(model, '0', nn.maxPool2d(2))).toThrow(/E301 linear[^]*in model\.3 \(linear 2\)/);
    expect(nn.summary(model)).toBe(before);
    const net = built();
    expect(() => nn.insertAfter(net, 'blocks.0.conv', nn.conv2d(3, 1))).toThrow(/E310|E302/);
    expect(net.blocks[0].conv.children()).toEqual([]);
    expect(() => nn.insertAfter(model, '0', nn.relu as unknown as nn.Model)).toThrow('E321');
  });
});

describe('replaceNorms', () => {
  it('replaces, and carries factors and offsets over', async () => {
    const net = built();
    const { norm } = net.blocks[0];
    norm.scale!.write([1, 2, 3, 4]);
    norm.shift!.write([5, 6, 7, 8]);
    const replaced = await nn.replaceNorms(net, (old) => old instanceof nn.BatchNorm ? nn.groupNorm({ groups: 2 }) : undefined);
    expect([...replaced.keys()]).toEqual(['blocks.0.norm', 'blocks.1.norm']);
    const layer = replaced.get('blocks.0.norm') as nn.GroupNorm;
    expect(net.blocks[0].norm).toBe(layer);
    expect([...await layer.scale!.read(), ...await layer.shift!.read()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...net.namedBuffers().keys()]).toEqual([]);
  });

  it('carries running statistics to a layer that has them, for each element where there is one for each channel, and frozenness', async () => {
    const model = nn.sequential({ input: [2, 3] }, nn.batchNorm(), nn.batchNorm().freeze());
    const [first, second] = nn.normsOf(model, nn.BatchNorm).values();
    first.runningMean.write([1, 2, 3]);
    second.scale!.write([4, 5, 6]);
    const replaced = await nn.replaceNorms(model, (_, path) => path === '0' ? nn.batchNorm({ dialect: 'keras' }) : nn.layerNorm({ axes: [1, 2] }));
    expect([...await (replaced.get('0') as nn.BatchNorm).runningMean.read()]).toEqual([1, 2, 3]);
    const last = replaced.get('1') as nn.LayerNorm;
    expect([...await last.scale!.read()]).toEqual([4, 5, 6, 4, 5, 6]);
    expect(last.frozen && !last.scale!.trainable).toBe(true);
  });

  it('leaves the model as it was where the new layer does not fit', async () => {
    const net = built();
    const old = net.blocks.map(({ norm }) => norm);
    await expect(nn.replaceNorms(net, () => nn.groupNorm({ groups: 3 }))).rejects.toThrow(/groups must divide the channels[^]*in model\.blocks\.0\.norm/);
    expect(net.blocks.map(({ norm }) => norm)).toEqual(old);
    await expect(nn.replaceNorms(net, () => 'groupNorm' as unknown as nn.Model)).rejects.toThrow('E364 replaceNorms: the rule must give a layer, or undefined to keep the old one.\n' +
      '     for blocks.0.norm it gave string');
  });

  it('replaces before anything is built, and a layer in several places everywhere', async () => {
    const shared = nn.batchNorm();
    const model = nn.sequential(shared, nn.relu(), shared);
    expect((await nn.replaceNorms(model, () => nn.rmsNorm())).size).toBe(1);
    expect(model.children()[0][1]).toBe(model.children()[2][1]);
    expect(withMode('train', () => model.forward(tensor([[1, 2]]))).shape).toEqual([1, 2]);
  });
});

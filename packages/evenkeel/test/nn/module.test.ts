import { describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { compile, tensor } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

class Block extends nn.Module {
  conv = nn.conv2d(4, 3);
  norm = nn.batchNorm();
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x)).relu();
  }
}

class Net extends nn.Module {
  blocks = [new Block(), new Block()];
  head = nn.linear(3);
  forward(x: Tensor): Tensor {
    const features = this.blocks.reduce((value, block) => block.forward(value), x);
    return this.head.forward(features.mean([1, 2]));
  }
}

/** A layer as a user writes one. */
class Gain extends nn.Module {
  gain!: ReturnType<nn.Module['params']>[number];
  protected override setup(x: Tensor): void {
    this.gain = this.param('gain', [x.shape.at(-1)!], nn.init.ones(), { fanIn: 1, fanOut: 1 });
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.gain.value);
  }
}

const values = async (model: nn.Module): Promise<number[][]> => Promise.all(model.params().map(async (param) => [...(await param.read())]));

describe('Module', () => {
  it('finds parameters in properties and arrays, by path', () => {
    const net = new Net();
    expect(net.build([8, 8, 1])).toEqual([3]);
    expect([...net.namedParams().keys()]).toEqual(['blocks.0.conv.weight', 'blocks.0.conv.bias', 'blocks.0.norm.scale', 'blocks.0.norm.shift',
      'blocks.1.conv.weight', 'blocks.1.conv.bias', 'blocks.1.norm.scale', 'blocks.1.norm.shift', 'head.weight', 'head.bias']);
    expect([...net.namedBuffers().keys()]).toEqual(['blocks.0.norm.runningMean', 'blocks.0.norm.runningVariance', 'blocks.1.norm.runningMean', 'blocks.1.norm.runningVariance']);
    expect(net.params().map((param) => param.name)).toEqual([...net.namedParams().keys()]);
  });

  it('finds what stands in arrays of arrays, which nothing would train or save otherwise', async () => {
    class Grid extends nn.Module {
      readonly stages: readonly (readonly nn.Model[])[] = [[nn.linear(2), nn.batchNorm()], [nn.linear(1)]];
      forward(x: Tensor): Tensor {
        return this.stages.flat().reduce((y, part) => part.forward(y), x);
      }
    }
    const model = new Grid();
    model.build([3]);
    expect([...model.namedParams().keys()]).toEqual(['stages.0.0.weight', 'stages.0.0.bias', 'stages.0.1.scale', 'stages.0.1.shift', 'stages.1.0.weight', 'stages.1.0.bias']);
    const replaced = await nn.replaceNorms(model, () => nn.layerNorm());
    expect([[...replaced.keys()], nn.normsOf(model, nn.LayerNorm).size, nn.normsOf(model, nn.BatchNorm).size]).toEqual([['stages.0.1'], 1, 0]);
  });

  it('makes parameters at the first input, inside a step too', async () => {
    const gain = new Gain();
    expect(() => gain.params()).toThrow('E320 Gain: the layer has no parameters yet: its sizes come from its first input.\n' +
      '     Fix: call model.build([28, 28, 1]) with the shape of one sample, or run the model once');
    const step = compile('step', ({ x }) => ({ y: gain.forward(x) }));
    const { y } = await step({ x: tensor([[1, 2]]) });
    expect([...(await y.data())]).toEqual([1, 2]);
    expect([...gain.namedParams().keys()]).toEqual(['gain']);
  });

  it('names a part without sizes by its path', () => {
    expect(() => new Net().params()).toThrow('layer blocks.0.conv');
  });

  it('tells the path of the layer that refuses', () => {
    const net = new Net();
    net.build([8, 8, 1]);
    expect(() => net.build([8, 8, 2])).toThrow('E302 conv2d: the last axis of the input must have as many channels as the layer was built for.\n' +
      '     input [2, 8, 8, 2]\n     2 (input, axis 3) != 1 (layer)\n     in model.blocks.0.conv (conv2d 4, 3x3)\n');
  });

  it('draws first values from seed and path alone', async () => {
    const built = async (seed?: number): Promise<number[][]> => {
      const net = new Net({ seed });
      net.build([8, 8, 1]);
      return values(net);
    };
    const first = await built(1);
    expect(await built(1)).toEqual(first);
    expect(await built(2)).not.toEqual(first);
    expect(first[0].slice(0, 4)).not.toEqual(first[8].slice(0, 4));
  });

  it('lets hooks stand around forward, the first outermost, and takes them away', async () => {
    const order: string[] = [];
    const gain = new Gain();
    const hook = (name: string): nn.Around => (call) => {
      order.push(`${name} ${gain.gain.size}`);
      return call();
    };
    const undo = gain.surround(hook('outer'));
    gain.surround(hook('inner'));
    expect(await gain.forward(tensor([[1, 2]])).array()).toEqual([[1, 2]]);
    undo();
    gain.forward(tensor([[1, 2]]));
    expect(order).toEqual(['outer 2', 'inner 2', 'inner 2']);
  });

  it('counts a shared layer once', () => {
    const shared = nn.linear(4);
    const model = nn.sequential({ input: [4] }, shared, nn.relu(), shared);
    expect([...model.namedParams().keys()]).toEqual(['0.weight', '0.bias']);
  });

  it('freezes and unfreezes what is inside, also parts that get their sizes later', () => {
    const net = new Net();
    net.blocks[0].freeze();
    net.build([8, 8, 1]);
    expect([...net.namedParams()].filter(([, param]) => !param.trainable).map(([name]) => name)).toEqual(
      ['blocks.0.conv.weight', 'blocks.0.conv.bias', 'blocks.0.norm.scale', 'blocks.0.norm.shift']);
    expect(net.blocks[0].norm.frozen).toBe(true);
    net.unfreeze();
    expect(net.params().every((param) => param.trainable)).toBe(true);
  });
});

describe('sequential', () => {
  it('infers every size from the declared input', () => {
    const model = nn.sequential({ input: [28, 28, 1] }, nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));
    expect([...model.namedParams()].map(([name, { shape }]) => `${name} [${shape}]`)).toEqual(
      ['0.weight [3,3,1,32]', '0.bias [32]', '2.scale [32]', '2.shift [32]', '5.weight [5408,10]', '5.bias [10]']);
  });

  it('catches a wrong size before training, and says what it should be', () => {
    expect(() => nn.sequential({ input: [28, 28, 1] }, nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10, { in: 32 * 4 * 4 }))).toThrow(
      'E301 linear: the last axis of the input must have as many features as the layer.\n' +
      '     input [2, 5408]   weight [512, 10]\n     5408 (input, axis 1) != 512 (weight, axis 0)\n     in model.5 (linear 10)\n' +
      '     Fix: leave "in" out and the size is inferred, or write linear(10, { in: 5408 })');
  });

  it('catches windows that do not fit, with the path', () => {
    expect(() => nn.sequential({ input: [4, 4, 1] }, nn.sequential(nn.relu(), nn.conv2d(1, 5)))).toThrow(/E221 conv2d[^]*in model\.0\.1 \(conv2d 1, 5x5\)/);
  });

  it('refuses what is no layer', () => {
    expect(() => nn.sequential(nn.flatten(), nn.relu as unknown as nn.Model)).toThrow('E321 sequential: every part must be a layer.\n     part 1 is function');
  });

  it('takes sizes from the first input where none is declared', async () => {
    const model = nn.sequential(nn.linear(2, { bias: false, init: nn.init.ones() }), nn.layer((x) => x.square()));
    expect([...(await model.forward(tensor([[1, 2, 3]])).data())]).toEqual([36, 36]);
  });
});

describe('summary', () => {
  it('is a table with totals', () => {
    const model = nn.sequential({ input: [28, 28, 1] }, nn.conv2d(32, 3), nn.relu(), nn.batchNorm().freeze(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));
    expect(nn.summary(model)).toBe(`
layer                 output           parameters
-------------------------------------------------
0 conv2d 32, 3x3      [N, 26, 26, 32]         320
1 relu                [N, 26, 26, 32]           0
2 batchNorm (frozen)  [N, 26, 26, 32]          64
3 maxPool2d 2x2       [N, 13, 13, 32]           0
4 flatten             [N, 5408]                 0
5 linear 10           [N, 10]              54,090
-------------------------------------------------
54,474 parameters: 54,410 trainable, 64 frozen; 64 values of state`.slice(1));
  });

  it('builds models of several outputs: the shape is that of the first', () => {
    class Pair extends nn.Module {
      layer = nn.linear(2);
      forward(x: Tensor): { readonly y: Tensor; readonly x: Tensor } {
        return { y: this.layer.forward(x), x };
      }
    }
    const model = new Pair();
    expect(model.build([3])).toEqual([2]);
    expect(model.params()).toHaveLength(2);
  });

  it('shows models inside models, and builds from an input', () => {
    expect(nn.summary(new Net(), [8, 8, 1])).toContain('blocks.1.conv conv2d 4, 3x3  [N, 4, 4, 4]         148');
    expect(nn.modelSize(nn.sequential({ input: [3] }, nn.linear(2)))).toEqual({ parameters: 8, trainable: 8, state: 0 });
    expect(() => nn.summary(new Net())).toThrow('E320');
  });
});

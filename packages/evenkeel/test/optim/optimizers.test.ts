import { describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { Adam, schedules, SGD } from '../../src/optim/index.ts';
import type { Optimizer } from '../../src/optim/index.ts';
import { compile, Param, tensor } from '../../src/tensor/index.ts';
import type { Step } from '../../src/tensor/index.ts';
import { goldenLayers } from '../support/golden-data.ts';
import type { GoldenUpdate } from '../support/golden-data.ts';

/** A step whose loss has the gradient that it is fed. */
function stepper(param: Param, optimizer: Optimizer): Step<'loss'> {
  return compile('step', ({ g }) => {
    const loss = param.value.mul(g).sum();
    optimizer.minimize(loss, [param]);
    return { loss };
  });
}

/** The rule as evenkeel says it; undefined for what it does not have. */
function optimizerFor({ rule, defaults }: GoldenUpdate): Optimizer | undefined {
  const { lr, momentum, nesterov, weight_decay: weightDecay, dampening, betas, eps, amsgrad } = defaults as Record<string, never>;
  if (rule === 'sgd' && !dampening) return new SGD({ rate: lr, momentum, nesterov, weightDecay });
  if ((rule !== 'adam' && rule !== 'adamW') || amsgrad) return undefined;
  return new Adam({ rate: lr, beta1: betas[0], beta2: betas[1], epsilon: eps, weightDecay, decoupled: rule === 'adamW' });
}

describe('update rules', () => {
  it('make SGD one line', async () => {
    const param = new Param({ shape: [2], data: [1, 2] });
    await stepper(param, new SGD({ rate: 0.5 }))({ g: Float32Array.of(1, -1) });
    expect([...(await param.read())]).toEqual([0.5, 2.5]);
  });

  const known = goldenLayers().updates.filter((golden) => optimizerFor(golden) !== undefined);
  it.each(known.map((golden) => [`${golden.rule} ${JSON.stringify(golden.options)}`, golden] as const))('agree with PyTorch: %s', async (_, golden) => {
    const param = new Param({ shape: [golden.initial.length], data: golden.initial });
    const step = stepper(param, optimizerFor(golden)!);
    for (const [i, g] of golden.gradients.entries()) {
      await step({ g: Float32Array.from(g) });
      const got = await param.read();
      golden.values[i].forEach((value, at) => expect(Math.abs(got[at] - value)).toBeLessThan(2e-6));
    }
  });

  it('Adam moves the first step by its rate, whatever the size of the gradient', async () => {
    const param = new Param({ shape: [3] });
    await stepper(param, new Adam({ rate: 0.1 }))({ g: Float32Array.of(1e-4, -7, 1e4) });
    for (const [i, value] of [-0.1, 0.1, -0.1].entries()) expect((await param.read())[i]).toBeCloseTo(value, 4);
  });
});

describe('Optimizer', () => {
  it('takes a new rate without compiling anew', async () => {
    const param = new Param({ shape: [1] });
    const optimizer = new SGD({ rate: 1 });
    let traces = 0;
    const step = compile('step', ({ g }) => {
      traces++;
      optimizer.minimize(param.value.mul(g).sum(), [param]);
    });
    await step({ g: Float32Array.of(1) });
    optimizer.rate = 0.25;
    await step({ g: Float32Array.of(1) });
    expect([...(await param.read())]).toEqual([-1.25]);
    expect([optimizer.rate, traces]).toEqual([0.25, 1]);
  });

  it('leaves frozen parameters alone, and refuses to train nothing', async () => {
    const [a, b] = [new Param({ shape: [1], data: [1] }), new Param({ shape: [1], data: [1] })];
    b.trainable = false;
    const optimizer = new SGD({ rate: 1, momentum: 0.5, weightDecay: 0.1 });
    const step = compile('step', () => optimizer.minimize(a.value.add(b.value).sum(), [a, b]));
    await step();
    expect([(await a.read())[0], (await b.read())[0]]).toEqual([expect.closeTo(-0.1), 1]);
    expect([...optimizer.namedBuffers().keys()]).toEqual(['rate', 'step', 'ref.velocity']);
    const none = compile('none', () => optimizer.minimize(a.value.sum(), [b]));
    await expect(none()).rejects.toThrow('E420 sgd: there is nothing to train.\n     all 1 parameters are frozen\n     Fix: unfreeze() the layers to train');
  });

  it('clips by value, then by the norm of all gradients', async () => {
    const [a, b] = [new Param({ shape: [1], name: 'a' }), new Param({ shape: [1], name: 'b' })];
    const optimizer = new SGD({ rate: 1, clipValue: 4, clipNorm: 1 });
    const step = compile('step', () => optimizer.minimize(a.value.mul(3).add(b.value.mul(-100)).sum(), [a, b]));
    await step();
    expect((await a.read())[0]).toBeCloseTo(-0.6, 5);
    expect((await b.read())[0]).toBeCloseTo(0.8, 5);
  });

  it('clips each unit by the length of its weights', async () => {
    const weight = new Param({ shape: [2, 3], data: [3, 0, 1, 4, 0, 0] });
    const [bias, head] = [new Param({ shape: [3], data: [0, 3, 4], name: 'bias' }), new Param({ shape: [1], data: [1], name: 'head' })];
    const optimizer = new SGD({ rate: 1, clipAdaptive: { ratio: 0.1, epsilon: 0.01, except: [head] } });
    const step = compile('step', ({ g }) => {
      optimizer.minimize(weight.value.mul(g).sum().add(bias.value.mul(2).sum()).add(head.value.mul(7).sum()), [weight, bias, head]);
    });
    // Units are columns: of lengths 5, 0 and 1, with gradients of lengths 5, 2 and 0.05.
    await step({ g: tensor([[4, 2, 0.04], [3, 0, 0.03]]) });
    const expected = [3 - 0.4, -0.001, 1 - 0.04, 4 - 0.3, 0, -0.03];
    [...(await weight.read())].forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
    const share = 0.5 / Math.sqrt(12);
    [...(await bias.read())].forEach((value, i) => expect(value).toBeCloseTo([0, 3, 4][i] - 2 * share, 5));
    expect([...(await head.read())]).toEqual([-6]);
  });

  it('leaves small gradients as they are', async () => {
    const param = new Param({ shape: [1] });
    await stepper(param, new SGD({ rate: 1, clipNorm: 10 }))({ g: Float32Array.of(0.5) });
    expect((await param.read())[0]).toBe(-0.5);
  });

  it('names state for checkpoints, also for parameters of one name', async () => {
    const params = [new Param({ shape: [2], name: 'w' }), new Param({ shape: [2], name: 'w' })];
    const optimizer = new Adam();
    await compile('step', () => optimizer.minimize(params[0].value.add(params[1].value).sum(), params))();
    expect([...optimizer.namedBuffers().keys()]).toEqual(['rate', 'step', 'w.first', 'w.second', 'w~2.first', 'w~2.second']);
    expect([...(await optimizer.namedBuffers().get('step')!.read())]).toEqual([1]);
  });

  it('refuses options out of range', () => {
    expect(() => new SGD({ rate: NaN })).toThrow('E101 sgd: rate must be a finite number, 0 or more.\n     got NaN\n     Fix: for example rate: 1e-3');
    expect(() => new SGD({ momentum: 1 })).toThrow('E101 sgd: momentum must be from 0 to below 1');
    expect(() => new Adam({ clipNorm: 0 })).toThrow('E101 adam: clipNorm must be more than 0');
    expect(() => new SGD({ clipAdaptive: 0 })).toThrow('E101 sgd: clipAdaptive must be more than 0');
    expect(() => new SGD({ clipAdaptive: { ratio: 0.01, epsilon: NaN } })).toThrow('E101 sgd: clipAdaptive.epsilon must be 0 or more');
    // A layer in the list would leave out nothing.
    expect(() => new SGD({ clipAdaptive: { ratio: 0.01, except: [nn.linear(2)] as never } })).toThrow(
      'E101 sgd: clipAdaptive.except must list parameters.\n     got a Linear\n     Fix: of a layer they are layer.params()');
    expect(() => new Adam({ weightDecay: -1 })).toThrow('E101 adam: weightDecay must be 0 or more');
  });
});

describe('schedules', () => {
  it('start at the whole rate and fall to nothing', () => {
    for (const [name, schedule] of Object.entries(schedules)) {
      expect(schedule(0), name).toBe(1);
      expect(schedule(1), name).toBe(name === 'constant' ? 1 : 0);
    }
    expect(schedules.linear(0.25)).toBe(0.75);
    expect(schedules.cosine(0.5)).toBeCloseTo(0.5);
  });
});

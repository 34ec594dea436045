import { describe, expect, it } from 'vitest';
import { withPath } from '../../src/runtime/index.ts';
import { compile, Param, tensor, where } from '../../src/tensor/index.ts';
import { faultTextOf } from '../support/fault-text.ts';

describe('debug mode', () => {
  it('computes what the step computes', async () => {
    const w = new Param({ shape: [2], data: [1, 2] });
    const step = compile('fine', ({ x }) => {
      w.assign(w.value.add(x));
      return { y: w.value.sum() };
    }, { debug: true });
    expect((await step({ x: tensor([1, 1]) })).y).toBe(5);
    expect(await w.read()).toEqual(Float32Array.of(2, 3));
  });

  it('E610 names the first op that makes NaN or infinity, its place, and the ranges of its inputs', async () => {
    const w = new Param({ shape: [1], data: [5], name: 'w' });
    const step = compile('log', ({ x }) => {
      w.assign(w.value.add(1));
      return { y: withPath('model', () => withPath('head', () => x.log())).mul(2) };
    }, { debug: true });
    expect(await faultTextOf(step({ x: tensor([[1, 2], [-1, 4]]) }))).toEqual([
      'E610 log: finite inputs gave NaN (element 2 of [2, 2]).', 'input 0 [2, 2] is in -1 .. 4', 'in model.head',
      'Fix: keep the argument above zero, for example with an epsilon or clip',
    ]);
    expect(await w.read()).toEqual(Float32Array.of(5));
  });

  it.each([
    ['div', 'the divisor reached zero; add an epsilon to it', 'Infinity'],
    ['sqrt', 'the argument went below zero; take relu of it, or add an epsilon', 'NaN'],
    ['exp', 'the argument is too large for f32; use a stable form such as logSoftmax or logSumExp', 'Infinity'],
    ['mul', 'values grew out of range: lower the rate, clip the gradients or normalize the activations', 'Infinity'],
  ])('suggests a fix for %s', async (op, hint, got) => {
    const step = compile('bad', ({ x }) => {
      if (op === 'div') return { y: tensor([1]).div(x.sub(x)) };
      if (op === 'sqrt') return { y: x.neg().sqrt() };
      return { y: op === 'exp' ? x.exp() : x.mul(3e38) };
    }, { debug: true });
    const text = await faultTextOf(step({ x: tensor([100]) }));
    expect([text[0], text.at(-1)]).toEqual([`E610 ${op}: finite inputs gave ${got} (element 0 of [1]).`, `Fix: ${hint}`]);
  });

  it('lets infinities pass that were put there on purpose', async () => {
    const step = compile('mask', ({ x }) => ({ y: where(x.gt(0), x, -Infinity).softmax() }), { debug: true });
    expect((await step({ x: tensor([1, -1]) })).y.known).toEqual(Float32Array.of(1, 0));
  });
});

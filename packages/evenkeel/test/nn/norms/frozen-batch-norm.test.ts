import { describe, expect, it } from 'vitest';
import { Adam, compile, nn } from '../../../src/index.ts';
import { expectOutcome, outcomeOf, sample } from '../../support/norm-outcome.ts';

describe('frozenBatchNorm', () => {
  it('begins as the identity, built before or by the first step', async () => {
    const [built, other] = [nn.frozenBatchNorm({ epsilon: 0.1 }), nn.frozenBatchNorm({ epsilon: 0.1 })];
    built.build([3]);
    const x = sample([4, 3]);
    for (const layer of [built, other]) expectOutcome(await outcomeOf(layer, x), { y: [...await x.data()] }, 1e-6);
  });

  it('does not move by one bit in training, unfreeze() included', async () => {
    const norm = nn.frozenBatchNorm();
    const model = nn.sequential({ input: [4] }, nn.linear(3), norm, nn.linear(2));
    norm.runningMean.write([1, 2, 3]);
    norm.scale!.write([0.5, 1, 2]);
    const state = async (): Promise<number[][]> => Promise.all([norm.scale!, norm.shift!, norm.runningMean, norm.runningVariance].map(async (ref) => [...await ref.read()]));
    const before = await state();
    const weight = [...await model.params()[0].read()];
    model.freeze().unfreeze();
    const optimizer = new Adam({ rate: 0.1 });
    const step = compile('train', ({ x }) => {
      const loss = model.forward(x).square().mean();
      optimizer.minimize(loss, model.params());
      return { loss };
    }, { mode: 'train' });
    for (let i = 0; i < 20; i++) await step({ x: sample([5, 4], i) });
    expect(await state()).toEqual(before);
    expect([...await model.params()[0].read()]).not.toEqual(weight);
    step.dispose();
  });

  it('takes the weights of batchNorm, and single samples', async () => {
    const [frozen, plain] = [nn.frozenBatchNorm(), nn.batchNorm()];
    for (const layer of [frozen, plain]) layer.build([3]);
    expect([...frozen.namedParams().keys(), ...frozen.namedBuffers().keys()]).toEqual([...plain.namedParams().keys(), ...plain.namedBuffers().keys()]);
    expect((await outcomeOf(frozen, sample([1, 3]))).y).toHaveLength(3);
  });
});

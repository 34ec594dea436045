/** Debug mode names the op that made the first NaN or infinity, and the layer it belongs to, forward and backward. */
import { beforeAll, describe, expect, it } from 'vitest';
import { arrays, compile, configure, fit, Module, mse, nn, Param, SGD, tensor } from '../../src/index.ts';
import type { Tensor } from '../../src/index.ts';
import { faultTextOf } from '../support/fault-text.ts';

/** A layer that takes the logarithm of what it is given. */
class Log extends Module {
  forward(x: Tensor): Tensor {
    return x.log();
  }
}

/** x over its length. */
class Direction extends Module {
  forward(x: Tensor): Tensor {
    return x.div(x.square().sum(-1, { keepDims: true }).sqrt().add(1e-6));
  }
}

/** The lines of what debug mode says about a step of SGD on samples of two features. */
async function textOf(model: nn.Model, x: number[][]): Promise<string[]> {
  const optimizer = new SGD({ rate: 0.1 });
  const step = compile('train', ({ x: input }) => {
    const output = model.forward(input);
    const loss = mse(output, output.stopGradient().mul(0));
    optimizer.minimize(loss, model.params());
    return { loss };
  }, { debug: true });
  return faultTextOf(step({ x: tensor(x) }));
}

beforeAll(() => configure({ backend: 'wasm' }));

describe('debug mode', () => {
  it('names a layer of a user in a sequence', async () => {
    const model = nn.sequential({ input: [2] }, nn.linear(2), nn.relu(), nn.sequential(new Log()), nn.linear(1));
    model.params()[0].write([1, 0, 0, 1]);
    model.params()[1].write([0, 0]);
    expect(await textOf(model, [[1, 2], [3, -4]])).toEqual([
      'E610 log: finite inputs gave -Infinity (element 3 of [2, 2]).', 'input 0 [2, 2] is in 0 .. 3', 'in model.2.0 (Log)',
      'Fix: keep the argument above zero, for example with an epsilon or clip',
    ]);
    expect(await textOf(nn.sequential({ input: [2] }, new Log(), nn.linear(1)), [[1, -2]])).toEqual([
      'E610 log: finite inputs gave NaN (element 1 of [1, 2]).', 'input 0 [1, 2] is in -2 .. 1', 'in model.0 (Log)',
      'Fix: keep the argument above zero, for example with an epsilon or clip',
    ]);
  });

  it('names the layer whose gradient is 0 / 0', async () => {
    const model = nn.sequential({ input: [2] }, nn.linear(2, { bias: false }), new Direction(), nn.linear(1, { bias: false }));
    model.params().forEach((param, i) => param.write([[3, 0, 0, 2], [0.5, 0.25]][i]));
    expect(await textOf(model, [[1, 2], [0, 0]])).toEqual([
      'E610 div: finite inputs gave NaN (element 1 of [2, 1]).',
      'input 0 [2, 1] is in -0.05 .. 0', 'input 1 [2, 1] is in 0 .. 10', 'in model.1 (Direction), backward',
      'Fix: the divisor reached zero; add an epsilon to it',
    ]);
  });

  it('names the update that overflows', async () => {
    const w = new Param({ shape: [1], data: [1e38], name: 'w' });
    const optimizer = new SGD({ rate: 1e38 });
    const step = compile('train', () => optimizer.minimize(w.value.mul(10).sum(), [w]), { debug: true });
    expect(await faultTextOf(step())).toEqual([
      'E610 mul: finite inputs gave Infinity (element 0 of [1]).', 'input 0 [1] is in 10', 'input 1 [1] is in 1e+38', 'in sgd.w',
      'Fix: values grew out of range: lower the rate, clip the gradients or normalize the activations',
    ]);
    expect(await w.read()).toEqual(Float32Array.of(1e38));
  });

  it('works in fit', async () => {
    const model = nn.sequential({ input: [2] }, new Log(), nn.linear(1));
    const data = arrays({ x: { data: [1, 1, 1, -1], shape: [2, 2] }, y: { data: [0, 0], shape: [2, 1] } });
    const text = await faultTextOf(fit(model, data, { loss: 'mse', optimizer: 'sgd', debug: true, verbose: 'silent', shuffle: false }));
    expect([text[0], text[2]]).toEqual(['E610 log: finite inputs gave NaN (element 3 of [2, 2]).', 'in model.0 (Log)']);
  });
});

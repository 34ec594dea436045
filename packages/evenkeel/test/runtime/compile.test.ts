import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bumpStructure, configure, currentTrace, withMode, withPath } from '../../src/runtime/index.ts';
import { currentDevice } from '../../src/runtime/state.ts';
import { Buffer, compile, crossEntropy, grad, Param, tensor, take } from '../../src/tensor/index.ts';
import { faultText, faultTextOf } from '../support/fault-text.ts';

beforeAll(() => configure({ backend: 'oracle' }));

describe('compile', () => {
  it('makes a step that trains', async () => {
    const w = new Param({ shape: [1], data: [3], name: 'w' });
    const step = compile('train', ({ x }) => {
      const loss = w.value.sub(x).square().sum();
      w.assign(w.value.sub(grad(loss, [w])[0].mul(0.25)));
      return { loss, w: w.value };
    });
    const { loss, w: next } = await step({ x: tensor([1]) });
    expect(loss).toBe(4);
    expect(next.known).toEqual(Float32Array.of(2));
    expect((await step({ x: Float32Array.of(1) })).loss).toBe(1);
    expect(await w.read()).toEqual(Float32Array.of(1.5));
    expect([step.stepName, step.mode, step.plans]).toEqual(['train', 'train', []]);
    expect(await step.explain()).toBe('train: no plans yet');
  });

  it('gives scalars as numbers and everything else as tensors that hold their values', async () => {
    const step = compile('both', ({ x }) => ({ total: x.sum(), doubled: x.mul(2), three: tensor(3) }));
    const out = await step({ x: { data: Int32Array.of(1, 2), shape: [2, 1] } });
    expect(out.total).toBe(3);
    expect(out.three).toBe(3);
    expect([out.doubled.shape, out.doubled.dtype, out.doubled.known]).toEqual([[2, 1], 'i32', Int32Array.of(2, 4)]);
  });

  it('takes numbers, and converts data to the dtype that is asked for', async () => {
    const step = compile('inputs', ({ a, b }) => ({ y: a.mul(b).sum() }));
    expect((await step({ a: 2, b: { data: Uint8Array.of(1, 2), shape: [2], dtype: 'f32' } })).y).toBe(6);
    expect((await compile('nothing', () => undefined)())).toEqual({});
  });

  it('traces once for each kind of input', async () => {
    let traced = 0;
    const step = compile('count', ({ x }) => {
      traced++;
      return { n: x.sum() };
    });
    await step({ x: tensor([1, 2]) });
    await step({ x: tensor([3, 4]) });
    expect(traced).toBe(1);
    await step({ x: tensor([1, 2, 3]) });
    await step({ x: tensor(Int32Array.of(1, 2)) });
    expect(traced).toBe(3);
    bumpStructure();
    await step({ x: tensor([5, 6]) });
    expect(traced).toBe(4);
  });

  it('uses the earlier plan when a change was undone', async () => {
    await configure({ backend: 'wasm', threads: 1 });
    const w = new Param({ shape: [2], data: [1, 2] });
    const step = compile('freeze', ({ x }) => {
      if (w.trainable) w.assign(w.value.add(x));
      return { w: w.value, noise: tensor([0.5]) };
    });
    for (const trainable of [true, false, true, false]) {
      w.trainable = trainable;
      await step({ x: tensor([1, 1]) });
    }
    expect(await w.read()).toEqual(Float32Array.of(3, 4));
    expect(step.plans.length).toBe(2);
    step.dispose();
    await configure({ backend: 'oracle' });
  });

  it('carries out calls in order, though nobody waits', async () => {
    const n = new Buffer({ shape: [], name: 'n' });
    const step = compile('order', ({ x }) => {
      n.assign(n.value.mul(10).add(x));
      return { n: n.value };
    });
    const results = await Promise.all([1, 2, 3].map((x) => step({ x })));
    expect(results.map((r) => r.n)).toEqual([1, 12, 123]);
    const last = step({ x: 4 });
    n.write([7]);
    expect([(await last).n, await n.read()]).toEqual([1234, Float32Array.of(7)]);
  });

  it('knows its mode and the path in the model', async () => {
    const seen: unknown[] = [];
    const step = compile('mode', () => {
      seen.push(currentTrace().mode, withPath('encoder', () => withPath('0', () => currentTrace().where())), currentTrace().where());
      return {};
    }, { mode: 'eval' });
    await step();
    expect(seen).toEqual(['eval', 'encoder.0', undefined]);
    expect(currentTrace().mode).toBe('eval');
    expect(withMode('train', () => currentTrace().mode)).toBe('train');
  });

  it('carries out what was asked for before it is disposed, and may be used again', async () => {
    await configure({ backend: 'wasm', threads: 1 });
    const step = compile('disposed', ({ x }) => ({ y: x.add(1) }));
    const asked = [step({ x: 1 }), step({ x: 2 })];
    step.dispose();
    expect((await Promise.all(asked)).map(({ y }) => y)).toEqual([2, 3]);
    expect(step.plans).toEqual([]);
    expect((await step({ x: 3 })).y).toBe(4);
    await configure({ backend: 'oracle' });
  });

  it('commits what eager code has assigned before it runs', async () => {
    const w = new Param({ shape: [], data: [1] });
    w.assign(w.value.add(1));
    expect((await compile('read', () => ({ w: w.value }))()).w).toBe(2);
  });
});

describe('plans for inputs of many shapes', () => {
  beforeAll(() => configure({ backend: 'wasm', threads: 1 }));
  afterAll(() => configure({ backend: 'oracle' }));
  const ones = (n: number): Float32Array => new Float32Array(n).fill(1);

  /** Adds up all values that it was ever given. */
  function summing(keepPlans?: number) {
    const total = new Buffer({ shape: [], name: 'total' });
    let traced = 0;
    const step = compile('sum', ({ x }) => {
      traced++;
      total.assign(total.value.add(x.sum()));
      return { total: total.value, next: x.add(1) };
    }, { keepPlans });
    return { step, total, traced: () => traced };
  }

  it('are kept until newer ones take their place, and made again', async () => {
    const { step, total, traced } = summing(2);
    for (const [n, made] of [[1, 1], [2, 2], [1, 2], [3, 3], [1, 3], [2, 4], [2, 4], [1, 4], [3, 5]]) {
      const before = (await total.read())[0];
      const got = await step({ x: ones(n) });
      expect([got.total, got.next.known]).toEqual([before + n, new Float32Array(n).fill(2)]);
      expect(traced()).toBe(made);
    }
    expect(step.plans.map((plan) => plan.inputs[0].size)).toEqual([1, 3]);
    expect(await total.read()).toEqual(Float32Array.of(16));
    step.dispose();
  });

  it('do not fill the device: 200 shapes', async () => {
    const warn = vi.spyOn(console, 'warn');
    const { step, total } = summing();
    const used: number[] = [];
    for (let n = 1; n <= 200; n++) {
      expect((await step({ x: ones(1000 + n % 25) })).next.known).toHaveLength(1000 + n % 25);
      if (n % 25 === 0) used.push(currentDevice()!.device.bytesInUse);
    }
    expect(new Set(used).size).toBe(1);
    expect(step.plans.length).toBe(16);
    expect(await total.read()).toEqual(Float32Array.of(200 * 1012));
    expect(warn).not.toHaveBeenCalled();
    step.dispose();
  });

  it('E101 wants at least one', () => {
    expect(faultText(() => summing(0))).toEqual(['E101 sum: keepPlans must be a whole number from 1.', 'got 0', 'Fix: leave it out to keep 16']);
    expect(() => summing(1.5)).toThrow('E101');
  });
});

describe('a step that fails', () => {
  it('leaves every ref as it was when tracing throws', async () => {
    const [a, b] = [new Param({ shape: [1], data: [1] }), new Param({ shape: [1], data: [2] })];
    const step = compile('broken', ({ x }) => {
      a.assign(a.value.add(1));
      b.assign(b.value.matmul(x));
      return {};
    });
    expect((await faultTextOf(step({ x: tensor([1, 2]) })))[0]).toBe('E204 matmul: inner axes must agree.');
    expect([await a.read(), await b.read()]).toEqual([Float32Array.of(1), Float32Array.of(2)]);
    expect(await a.value.add(1).array()).toEqual([2]);
    expect(currentTrace().where()).toBeUndefined();
  });

  it('leaves every ref as it was when an input does not fit, and runs again afterwards', async () => {
    const n = new Buffer({ shape: [], name: 'n' });
    const step = compile('train', ({ logits, y }) => {
      n.assign(n.value.add(1));
      return { loss: crossEntropy(logits, y.reshape([2])) };
    });
    const logits = tensor([[0, 0], [0, 0]]);
    expect(await faultTextOf(step({ logits, y: { data: Int32Array.of(1, 2), shape: [2, 1] } }))).toEqual([
      'E402 train: input "y" indexes 2 entries and must lie in 0 .. 1.', 'got 2 at element 1 of [2, 1]',
      'Fix: check the labels or ids in the data (do they count from 1, or mark missing ones with -1?)',
    ]);
    expect(await n.read()).toEqual(Float32Array.of(0));
    expect((await step({ logits, y: { data: Int32Array.of(1, 0), shape: [2, 1] } })).loss).toBeCloseTo(Math.LN2, 6);
    expect(await n.read()).toEqual(Float32Array.of(1));
  });

  it('E402 uses the tightest of several limits', async () => {
    const step = compile('twice', ({ i }) => ({ a: take(tensor([1, 2, 3]), i), b: take(tensor([1, 2]), i) }));
    expect((await faultTextOf(step({ i: Int32Array.of(2) })))[0]).toBe('E402 twice: input "i" indexes 2 entries and must lie in 0 .. 1.');
  });

  it('E401 refuses data that do not fill their shape, and what is no data', async () => {
    const step = compile('train', ({ x }) => ({ x }));
    expect(await faultTextOf(step({ x: { data: Float32Array.of(1), shape: [2] } }))).toEqual([
      'E401 train: input "x" must hold as many values as its shape.', 'shape [2] holds 2, got 1', 'Fix: give the shape that the data really have',
    ]);
    expect(await faultTextOf(step({ x: [1, 2] as unknown as number }))).toEqual([
      'E401 train: input "x" must be a tensor, a typed array, a number or { data, shape }.', 'got object', 'Fix: wrap plain arrays with tensor(...)',
    ]);
  });

  it('E404 refuses values of another step', async () => {
    let leaked = tensor(0);
    await compile('first', ({ x }) => {
      leaked = x.mul(2);
      return {};
    })({ x: 1 });
    expect(await faultTextOf(leaked.data())).toEqual([
      'E404 data: this tensor has a value only inside the compiled step that made it.', 'Fix: return it from the step, or compute it outside the step',
    ]);
    expect(await faultTextOf(compile('second', () => ({ y: leaked.add(1) }))())).toEqual([
      'E404 second: it uses the input "x" of another step, which has a value only there.',
      'Fix: pass the tensor as an input of this step, or return it from the other one',
    ]);
  });

  it('E409 refuses what eager code made from a ref, because the ref changes', async () => {
    const w = new Param({ shape: [], data: [3], name: 'w' });
    const doubled = w.value.mul(2);
    expect(await doubled.item()).toBe(6);
    expect(await faultTextOf(compile('outside', () => ({ y: doubled.add(1) }))())).toEqual([
      'E409 outside: it uses a tensor that was made outside of the step from the ref "w".',
      'Fix: read ref.value inside the step, or pass the tensor as an input',
    ]);
    expect((await compile('passed', ({ x }) => ({ y: x.add(w) }))({ x: doubled })).y).toBe(9);
  });

  it('E228 tells of an input that the call left out', async () => {
    const step = compile('two', ({ x, y }) => ({ z: x.add(y) }));
    expect(await faultTextOf(step({ x: 1 }))).toEqual([
      'E228 operand: an operand must be a tensor, a ref or a number.', 'got undefined',
      'Fix: wrap arrays with tensor(...), and call a step with every input that it uses',
    ]);
    expect((await faultTextOf((async () => tensor([1]).add([1] as unknown as number))()))[1]).toBe('got an array');
    expect((await step({ x: 1, y: 2 })).z).toBe(3);
  });

  it('E405, E407, E408 refuse functions that are not steps', async () => {
    expect(await faultTextOf(compile('later', (async () => ({})) as unknown as () => Record<string, never>)())).toEqual([
      'E405 later: the function of a step must not be async: it only describes what to compute.',
      'Fix: prepare data before the step, pass them as inputs, and await the step itself',
    ]);
    expect(await faultTextOf(compile('text', () => ({ loss: 'low' as unknown as never }))())).toEqual([
      'E408 text: output "loss" must be a tensor.', 'got string', 'Fix: return an object of tensors, for example { loss }',
    ]);
    const inner = compile('inner', () => ({ x: withMode('eval', () => tensor(1)) }));
    expect(await faultTextOf(inner())).toEqual([
      'E407 withMode: a compiled step has one mode.', "Fix: compile a second step with { mode: 'eval' }",
    ]);
  });
});

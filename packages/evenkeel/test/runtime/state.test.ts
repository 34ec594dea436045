import { afterEach, describe, expect, it } from 'vitest';
import { backendName, configure, shutdown } from '../../src/runtime/index.ts';
import { Queue } from '../../src/runtime/queue.ts';
import { compile, grad, Param, random } from '../../src/tensor/index.ts';
import { faultTextOf } from '../support/fault-text.ts';

afterEach(() => configure({ backend: 'oracle' }));

describe('configure', () => {
  it('E101 refuses backends that do not exist and fractions of threads', async () => {
    expect(await faultTextOf(configure({ backend: 'cuda' as 'wasm' }))).toEqual([
      'E101 configure: there is no backend "cuda".', 'Fix: choose one of oracle, wasm, plain',
    ]);
    expect(await faultTextOf(configure({ threads: 1.5 }))).toEqual([
      'E101 configure: threads must be a whole number from 1.', 'got 1.5', 'Fix: leave it out to use every core',
    ]);
  });

  it('keeps the values of refs when the backend changes', async () => {
    const w = new Param({ shape: [2], data: [1, 2] });
    const step = compile('add', () => {
      w.assign(w.value.add(1));
      return {};
    });
    await step();
    await configure({ backend: 'wasm', threads: 1 });
    expect(backendName()).toBe('wasm');
    await step();
    expect(await w.read()).toEqual(Float32Array.of(3, 4));
    await shutdown();
    await step();
    await configure({ threads: 2 });
    await step();
    await configure({ backend: 'oracle' });
    await step();
    expect(await w.read()).toEqual(Float32Array.of(6, 7));
  });
});

describe('the oracle and the device', () => {
  it('train alike, with any number of threads exactly alike', async () => {
    const losses: number[][] = [];
    const weights: unknown[] = [];
    for (const [backend, threads] of [['oracle', 1], ['wasm', 1], ['wasm', 3]] as const) {
      await configure({ backend, threads });
      const w = new Param({ shape: [20, 30], data: random.normal([20, 30], { seed: 1 }).known!, name: 'w' });
      const step = compile('train', ({ x }) => {
        const loss = x.matmul(w).tanh().square().mean();
        w.assign(w.value.sub(grad(loss, [w])[0].mul(10)));
        return { loss };
      });
      const list: number[] = [];
      for (let i = 0; i < 3; i++) list.push((await step({ x: random.normal([500, 20], { seed: 2, stream: i }) })).loss);
      losses.push(list);
      weights.push(await w.read());
      expect(step.plans.length).toBe(backend === 'oracle' ? 0 : 1);
      if (backend === 'wasm') expect(await step.explain()).toContain('kernels');
    }
    losses[0].forEach((loss, i) => expect(losses[1][i]).toBeCloseTo(loss, 5));
    expect(losses[2]).toEqual(losses[1]);
    expect(weights[2]).toEqual(weights[1]);
  });
});

describe('Queue', () => {
  it('runs jobs in order, and goes on after one that fails', async () => {
    const queue = new Queue();
    const seen: number[] = [];
    const failed = queue.add(() => { throw new Error('one'); });
    const done = queue.add(async () => { seen.push(2); });
    expect(queue.idle).toBe(false);
    await expect(failed).rejects.toThrow('one');
    await done;
    await queue.add(() => seen.push(3));
    expect([seen, queue.idle]).toEqual([[2, 3], true]);
  });
});

import { describe, expect, it } from 'vitest';
import { arrays } from '../../src/data/index.ts';
import type { Dataset } from '../../src/data/index.ts';
import * as nn from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { evaluate, fit } from '../../src/train/index.ts';
import type { BatchRecord, FitOptions } from '../../src/train/index.ts';

/** Ten points of y = 2x + 1. */
const line: Dataset = arrays({
  x: { data: Float32Array.from({ length: 10 }, (_, i) => i / 10), shape: [10, 1] },
  y: { data: Float32Array.from({ length: 10 }, (_, i) => i / 5 + 1), shape: [10, 1] },
});
/** Which of two features is larger. */
const larger: Dataset = arrays({
  x: { data: Float32Array.from({ length: 20 }, (_, i) => ((i * 7) % 11) / 11), shape: [10, 2] },
  y: { data: Int32Array.from({ length: 10 }, (_, i) => ((i * 14) % 11 > (i * 14 + 7) % 11 ? 0 : 1)), shape: [10] },
});

const flat = (): nn.Sequential => nn.sequential({ input: [1] }, nn.linear(1));
const options = (more: Partial<FitOptions> = {}): FitOptions => ({ loss: 'mse', optimizer: new SGD({ rate: 0.3 }), batchSize: 4, verbose: 'silent', ...more });

describe('fit', () => {
  it('finds a line', async () => {
    const model = flat();
    const history = await fit(model, line, options({ epochs: 100 }));
    const [slope, offset] = await Promise.all(model.params().map((param) => param.read()));
    expect(slope[0]).toBeCloseTo(2, 1);
    expect(offset[0]).toBeCloseTo(1, 1);
    expect(history.epochs).toHaveLength(100);
    expect(history.epochs.at(-1)!.values.loss).toBeLessThan(1e-3);
    expect(history.stopped).toBeUndefined();
    expect(history.samplesPerSecond).toBeGreaterThan(0);
  });

  it('measures metrics and validation as means over samples, also with a smaller last batch', async () => {
    const model = nn.sequential({ input: [2] }, nn.linear(2));
    const objective = { loss: 'crossEntropy', metrics: ['accuracy'] } as const;
    const history = await fit(model, Promise.resolve(larger), { ...options(objective), optimizer: new SGD({ rate: 0 }), validation: Promise.resolve(larger) });
    const { values } = history.epochs[0];
    expect(Object.keys(values)).toEqual(['loss', 'accuracy', 'validationLoss', 'validationAccuracy']);
    const whole = await evaluate(model, larger, { ...objective, batchSize: 10 });
    expect(values.loss).toBeCloseTo(whole.loss, 6);
    expect(values.validationAccuracy).toBeCloseTo(whole.accuracy, 6);
    expect(values.accuracy).toBeCloseTo(whole.accuracy, 6);
  });

  it('refuses a last batch of one sample before any training, not at the end of the epoch', async () => {
    const model = nn.sequential({ input: [1] }, nn.linear(2), nn.batchNorm(), nn.linear(1));
    const before = await Promise.all([...model.params(), ...model.buffers()].map((ref) => ref.read()));
    let batches = 0;
    const callbacks = { onBatchEnd: () => { batches++; } };
    await expect(fit(model, line, options({ batchSize: 3, callbacks }))).rejects.toThrow('E311 batchNorm: training needs more than one value per channel.\n     input [1, 2]');
    expect(batches).toBe(0);
    expect(await Promise.all([...model.params(), ...model.buffers()].map((ref) => ref.read()))).toEqual(before);
    await fit(model, line, options({ batchSize: 3, dropLast: true, callbacks }));
    expect(batches).toBe(3);
  });

  it('does not move anything when it tries the last batch', async () => {
    const run = async (batchSize: number): Promise<Float32Array> => {
      const model = nn.sequential({ input: [1] }, nn.dropout(0.5), nn.batchNorm({ average: 'cumulative' }), nn.spectralNorm(nn.linear(1)));
      const counts: number[] = [];
      await fit(model, line, options({ batchSize, shuffle: false, callbacks: { onBatchEnd: ({ batch }) => { counts.push(batch); } } }));
      expect(counts).toHaveLength(Math.ceil(10 / batchSize));
      return await model.namedBuffers().get('1.runningWeight')!.read() as Float32Array;
    };
    expect([...await run(4), ...await run(5)]).toEqual([3, 2]);
  });

  it('gives one result for one seed', async () => {
    const run = async (seed: number): Promise<number[]> => {
      const model = flat();
      await fit(model, line, options({ seed }));
      return [...(await model.params()[0].read())];
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  it('takes losses and metrics of your own', async () => {
    const history = await fit(flat(), line, options({ loss: (output, target) => output.sub(target).abs().mean(), metrics: { bias: (output, target) => output.sub(target).mean() } }));
    expect(Object.keys(history.epochs[0].values)).toEqual(['loss', 'bias']);
    expect(history.epochs[0].values.loss).toBeGreaterThanOrEqual(Math.abs(history.epochs[0].values.bias));
  });

  it('calls back after batches and epochs, and stops when told', async () => {
    const batches: BatchRecord[] = [];
    const history = await fit(flat(), line, options({ epochs: 5, callbacks: [
      { onBatchEnd: (record) => void batches.push(record) },
      { onEpochEnd: ({ epoch }) => Promise.resolve(epoch < 2) },
    ] }));
    expect(batches.map(({ epoch, batch }) => `${epoch}.${batch}`)).toEqual(['1.1', '1.2', '1.3', '2.1', '2.2', '2.3']);
    expect(history.epochs).toHaveLength(2);
    expect(history.stopped).toBe('callback');
  });

  it('stops after the current step when the signal is given', async () => {
    const controller = new AbortController();
    const history = await fit(flat(), line, options({ epochs: 5, signal: controller.signal, callbacks: { onBatchEnd: ({ epoch, batch }) => {
      if (epoch === 2 && batch === 1) controller.abort();
    } } }));
    expect(history.stopped).toBe('signal');
    expect(history.epochs).toHaveLength(1);
  });

  it('lowers the rate along a schedule and gives it back', async () => {
    const optimizer = new SGD({ rate: 0.3 });
    const seen: number[] = [];
    await fit(flat(), line, options({ optimizer, epochs: 2, schedule: 'linear', callbacks: { onBatchEnd: () => void seen.push(optimizer.rate) } }));
    expect(seen.map((rate) => rate.toFixed(3))).toEqual(['0.300', '0.240', '0.180', '0.150', '0.090', '0.030']);
    expect(optimizer.rate).toBe(0.3);
    await expect(fit(flat(), line, options({ schedule: 'linaer' as 'linear' }))).rejects.toThrow('there is no schedule "linaer"');
  });

  it('trains nothing that is frozen', async () => {
    const model = nn.sequential({ input: [1] }, nn.batchNorm().freeze(), nn.linear(1));
    await fit(model, line, options());
    expect([...(await model.buffers()[0].read()), ...(await model.params()[0].read())]).toEqual([0, 1]);
    await expect(fit(model.freeze(), line, options())).rejects.toThrow('E420 sgd: there is nothing to train.\n     all 4 parameters are frozen');
  });

  it('ends at a loss that is not finite', async () => {
    await expect(fit(flat(), line, options({ optimizer: new SGD({ rate: 1e30 }), epochs: 9 }))).rejects.toThrow(/E423 fit: the loss became (NaN|Infinity)\.\n     epoch \d, batch \d\n     Fix: lower the rate/);
  });

  it('refuses options and data that cannot be', async () => {
    await expect(fit(flat(), line, options({ epochs: 0 }))).rejects.toThrow('E101 fit: epochs must be a whole number from 1.\n     got 0');
    await expect(fit(flat(), line, options({ loss: 'msee' as 'mse' }))).rejects.toThrow('E101 fit: there is no loss "msee".\n     known: crossEntropy, mse\n     Fix: choose one of them, or pass a function (output, target) => tensor');
    await expect(fit(flat(), line, options({ metrics: ['acc' as 'accuracy'] }))).rejects.toThrow('there is no metric "acc"');
    await expect(fit(flat(), line, options({ optimizer: 'adan' as 'adam' }))).rejects.toThrow('there is no optimizer "adan".\n     known: sgd, adam');
    await expect(fit(flat(), arrays({}), options())).rejects.toThrow('E421 fit: the training data has no samples');
    await expect(fit(flat(), arrays({ x: { data: [1], shape: [1, 1] } }), options())).rejects.toThrow('E422 fit: batches must have the columns x and y.\n     got x');
    await expect(evaluate(flat(), arrays({}), { loss: 'mse' })).rejects.toThrow('E421 evaluate: the data has no samples');
  });

  it('reports a dataset that fails to load once, whatever else is wrong', async () => {
    const missing = (): Promise<Dataset> => Promise.reject(new Error('no such data'));
    await expect(fit(flat(), missing(), options({ validation: missing() }))).rejects.toThrow('no such data');
    await expect(fit(flat(), missing(), options({ validation: missing(), epochs: -1 }))).rejects.toThrow('E101');
  });
});

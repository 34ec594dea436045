import { beforeAll, describe, expect, it } from 'vitest';
import * as ek from '../../../src/index.ts';
import { nn } from '../../../src/index.ts';
import type { Param, Tensor } from '../../../src/index.ts';
import { readGolden } from '../../support/golden-data.ts';
import type { GoldenDense, GoldenLayer } from '../../support/golden-data.ts';

const { layers } = readGolden<{ readonly layers: readonly GoldenLayer[] }>('recurrent');
const UNITS = 2;
/** f32 rounding through three steps of gates, relative to the larger of the value and 1. */
const TOLERANCE = 1e-5;

function cellOf({ op, options }: GoldenLayer): nn.RecurrentCell {
  const make = op === 'gruCell' ? nn.gruCell : nn.lstmCell;
  const norm = options.norm as unknown;
  if (norm === 'layer') return make(UNITS, { norm: nn.recurrentLayerNorm({ perGate: options.perGate as boolean }) });
  if (norm === 'batch') return make(UNITS, { norm: nn.recurrentBatchNorm({ steps: options.steps as number }) });
  return make(UNITS);
}

/** The parameters behind a golden's name: `inputScale` is one, or one for each gate. */
function paramsOf(cell: nn.RecurrentCell, name: string): Param[] {
  const place = /^(input|hidden|cell)(Scale|Shift)$/.exec(name);
  const wanted = place ? new RegExp(`^${place[1]}Norm\\.(norm|\\d)\\.${place[2].toLowerCase()}$`) : new RegExp(`^${name}$`);
  return [...cell.namedParams()].filter(([path]) => wanted.test(path)).map(([, param]) => param);
}

const x = (golden: GoldenLayer): Tensor => dense(golden.inputs.x);

function dense({ data, shape }: GoldenDense): Tensor {
  return ek.tensor(Float32Array.from(data), shape);
}

function close(got: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(got.length, what).toBe(expected.length);
  expected.forEach((value, i) => expect(Math.abs(got[i] - value), `${what}, element ${i}: ${got[i]}, expected ${value}`).toBeLessThan(TOLERANCE * Math.max(1, Math.abs(value))));
}

describe.for(['oracle', 'wasm'] as const)('recurrent cells against PyTorch, %s', (backend) => {
  beforeAll(() => ek.configure({ backend }));

  it.for(layers)('$name', async (golden) => {
    const cell = cellOf(golden);
    const model = nn.recurrent(cell);
    model.build(golden.inputs.x.shape.slice(1));
    const names = Object.keys(golden.gradients).filter((name) => name !== 'x');
    for (const name of names) {
      const params = paramsOf(cell, name);
      const size = golden.inputs[name].data.length / params.length;
      params.forEach((param, i) => param.write(golden.inputs[name].data.slice(i * size, (i + 1) * size)));
    }
    const upstream = dense(golden.upstream);
    const step = ek.compile('recurrent', (values) => {
      const y = model.forward(values.x);
      const params = names.map((name) => paramsOf(cell, name));
      const gradients = ek.grad(y.mul(upstream).sum(), [values.x, ...params.flat()]);
      const joined = params.map((list, i) => {
        const from = 1 + params.slice(0, i).flat().length;
        return [names[i], ek.concat(gradients.slice(from, from + list.length), 0)];
      });
      return { y, x: gradients[0], ...Object.fromEntries(joined) };
    });
    const got = await step({ x: x(golden) }) as Readonly<Record<string, Tensor>>;
    close(await got.y.data(), golden.output.data, 'output');
    for (const [name, { data }] of Object.entries(golden.gradients)) close(await got[name].data(), data, `gradient of ${name}`);
    for (const [name, { data }] of Object.entries(golden.extra ?? {})) {
      const [, site, at, field] = /^(input|hidden|cell)(\d)(Mean|Variance)$/.exec(name)!;
      const prefix = at === '0' ? '' : `step${at}.`;
      close(await cell.namedBuffers().get(`${site}Norm.norm.${prefix}running${field}`)!.read(), data, name);
    }
  });
});

describe('recurrentBatchNorm', () => {
  it('has statistics of its own for each step, with factors of 0.1 shared over time', () => {
    const model = nn.recurrent(nn.lstmCell(3, { norm: nn.recurrentBatchNorm({ steps: 2 }) }));
    expect(model.build([4, 5])).toEqual([4, 3]);
    expect([...model.namedParams()].map(([name, { shape }]) => `${name} [${shape}]`)).toEqual(['cell.inputWeight [5,12]', 'cell.hiddenWeight [3,12]', 'cell.bias [12]',
      'cell.inputNorm.norm.scale [12]', 'cell.hiddenNorm.norm.scale [12]', 'cell.cellNorm.norm.scale [3]', 'cell.cellNorm.norm.shift [3]']);
    expect([...model.namedBuffers().keys()].filter((name) => name.includes('inputNorm'))).toEqual(
      ['runningMean', 'runningVariance', 'step1.runningMean', 'step1.runningVariance'].map((name) => `cell.inputNorm.norm.${name}`));
  });

  it('evaluates by the statistics of the step, and by the last ones beyond', async () => {
    const cell = nn.lstmCell(1, { norm: nn.recurrentBatchNorm({ steps: 2 }) });
    const model = nn.recurrent(cell);
    model.build([3, 2]);
    const outputs = async (): Promise<number[]> => [...(await model.forward(ek.tensor([[[1, 2], [1, 2], [1, 2]]])).data())];
    const before = await outputs();
    cell.namedBuffers().get('inputNorm.norm.step1.runningMean')!.write([9, 9, 9, 9]);
    const after = await outputs();
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  it('leaves padding out of the statistics, and lets states pass through it', async () => {
    const make = async (): Promise<nn.Recurrent> => {
      const model = nn.recurrent(nn.lstmCell(2, { norm: nn.recurrentBatchNorm({ steps: 3 }) }), { output: 'last' });
      model.build([3, 2], { seed: 3 });
      return model;
    };
    const values = ek.random.normal([3, 3, 2], { seed: 1 });
    const spoiled = values.mul(ek.tensor([[[1], [1], [1]], [[1], [1], [1]], [[1], [1], [100]]]));
    const mask = ek.tensor([[true, true, true], [true, true, true], [true, true, false]]);
    const runs = await Promise.all([values, spoiled].map(async (input) => {
      const model = await make();
      const step = ek.compile('step', ({ x: sequence }) => ({ y: model.forward(sequence, { mask }) }));
      const { y } = await step({ x: input });
      return [[...(await y.data())], ...await Promise.all(model.buffers().map(async (buffer) => [...(await buffer.read())]))];
    }));
    expect(runs[1]).toEqual(runs[0]);
  });

  it('keeps the running variance of a step that only one sequence reaches', async () => {
    const model = nn.recurrent(nn.lstmCell(2, { norm: nn.recurrentBatchNorm({ steps: 2 }) }), { output: 'last' });
    const step = ek.compile('step', ({ x, mask }) => ({ y: model.forward(x, { mask }) }));
    const mask = ek.tensor([[true, true], [true, false], [true, false]]);
    for (let i = 0; i < 100; i++) await step({ x: ek.random.normal([3, 2, 2], { seed: i }), mask });
    const read = async (name: string): Promise<number[]> => [...await model.namedBuffers().get(`cell.inputNorm.norm.${name}`)!.read()];
    expect(await read('step1.runningVariance')).toEqual(Array.from({ length: 8 }, () => 1));
    expect(await read('runningVariance')).not.toContain(1);
  });

  it('refuses what cannot be', () => {
    expect(() => nn.recurrentBatchNorm({ steps: 0 })).toThrow('E101 recurrentBatchNorm: steps must be a whole number from 1.\n     got 0\n');
    expect(() => nn.recurrent(nn.lstmCell(2)).build([3])).toThrow('E300 recurrent: the input must be sequences [N, T, features] with T from 1');
    expect(() => nn.recurrent(nn.lstmCell(2)).forward(ek.zeros([3, 4, 2]), { mask: ek.zeros([3, 5]) })).toThrow(
      'E304 recurrent: the mask must tell for each step of each sequence whether it counts.\n     input [3, 4, 2]   mask [3, 5]\n     in model\n     Fix: give it the shape [3, 4]');
    expect(() => nn.lstmCell(2).build([4, 3])).toThrow('E300 lstmCell: the input must be one step of the sequences, [N, features].\n     got [2, 4, 3], 3 axes');
  });
});

describe('a cell with layer normalization', () => {
  it.each([['lstm', nn.lstmCell], ['gru', nn.gruCell]] as const)('%s: does not feel the scale of its input, and learns an order', async (_, cell) => {
    const model = nn.sequential({ input: [4, 1], seed: 1 }, nn.recurrent(cell(8, { norm: nn.recurrentLayerNorm() }), { output: 'last' }), nn.linear(2));
    // Rising or falling, told by nothing but the order.
    const rows = Array.from({ length: 16 }, (_row, i) => [0, 1, 2, 3].map((t) => [(i % 2 === 0 ? t : 3 - t) / 3 - 0.5]));
    const [x, y] = [ek.tensor(rows), ek.tensor(Int32Array.from(rows, (_row, i) => i % 2))];
    const optimizer = new ek.Adam({ rate: 0.03 });
    const step = ek.compile('step', (batch) => {
      const loss = ek.crossEntropy(model.forward(batch.x), batch.y);
      optimizer.minimize(loss, model.params());
      return { loss };
    });
    for (let i = 0; i < 40; i++) await step({ x, y });
    expect((await step({ x, y })).loss).toBeLessThan(0.1);
    const before = await model.forward(x).data();
    (await model.forward(x.mul(100)).data()).forEach((value, i) => expect(Math.abs(value - before[i])).toBeLessThan(0.05));
  });
});

describe('a hook', () => {
  it('may normalize in any way, at the places it likes', async () => {
    const seen: string[] = [];
    class Spy extends nn.RecurrentNorm {
      readonly site: string;
      constructor(site: string) {
        super();
        this.site = site;
      }
      forward(values: Tensor, { step }: nn.RecurrentStep): Tensor {
        seen.push(`${this.site} ${step} [${values.shape}]`);
        return values;
      }
    }
    const plain = nn.recurrent(nn.lstmCell(2)), spied = nn.recurrent(nn.lstmCell(2, { norm: (site) => (site === 'hidden' ? undefined : new Spy(site)) }));
    plain.build([2, 3]);
    spied.build([2, 3]);
    expect(seen).toEqual(['input 0 [2,8]', 'cell 0 [2,2]', 'input 1 [2,8]', 'cell 1 [2,2]']);
    const input = ek.random.normal([2, 2, 3], { seed: 1 });
    expect(await spied.forward(input).array()).toEqual(await plain.forward(input).array());
  });
});

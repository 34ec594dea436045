import { describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors, loadStateDict, nn, stateDict } from '../../src/index.ts';
import type { Module, SavedTensor, Tensor } from '../../src/index.ts';
import { STORED_TYPES } from '../../src/interop/stored-types.ts';
import { faultText } from '../support/fault-text.ts';
import { expectOutputs, golden, torchImages, torchSequences, torchWrapped } from './networks.ts';

const stateOf = (name: string): ReadonlyMap<string, SavedTensor> => decodeSafetensors(golden(`${name}.safetensors`), name, STORED_TYPES).tensors;
const f32 = (shape: readonly number[], ...data: number[]): SavedTensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) });
const counter = (count: number): SavedTensor => ({ dtype: 'i32', shape: [], data: Int32Array.of(count) });
const valuesOf = async (model: Module): Promise<Record<string, readonly number[]>> =>
  Object.fromEntries(await Promise.all([...model.namedParams(), ...model.namedBuffers()].map(async ([path, ref]) => [path, [...(await ref.read())]] as const)));

test('a linear layer of PyTorch', async () => {
  const model = nn.sequential({ input: [2] }, nn.linear(3));
  loadStateDict(model, { '0.weight': f32([3, 2], 1, 2, 3, 4, 5, 6), '0.bias': f32([3], 7, 8, 9) });
  expect(await valuesOf(model)).toEqual({ '0.weight': [1, 3, 5, 2, 4, 6], '0.bias': [7, 8, 9] });
  expect(await stateDict(model)).toEqual(new Map([['0.weight', f32([3, 2], 1, 2, 3, 4, 5, 6)], ['0.bias', f32([3], 7, 8, 9)]]));
});

describe('networks of PyTorch compute the same', () => {
  test.each([
    ['torch-images', torchImages],
    ['torch-sequences', torchSequences],
    ['torch-hooks', torchWrapped],
    ['torch-parametrizations', torchWrapped],
  ])('%s, there and back', async (name, make) => {
    const model = make(), again = make();
    const state = stateOf(name);
    expect(loadStateDict(model, state)).toEqual({ missing: [], unused: [] });
    await expectOutputs(model, name);
    const written = decodeSafetensors(encodeSafetensors({ tensors: await stateDict(model), metadata: {} }), name).tensors;
    loadStateDict(again, written);
    expect(await valuesOf(again)).toEqual(await valuesOf(model));
  });

  test('what is written back is what was read, but for counters that nothing needs', async () => {
    const model = torchImages();
    const state = stateOf('torch-images');
    loadStateDict(model, state);
    const written = await stateDict(model);
    for (const [name, tensor] of written) expect([name, tensor]).toEqual([name, state.get(name)]);
    expect(new Set([...state.keys()].filter((name) => !written.has(name)))).toEqual(new Set(['1', '8', '12'].map((layer) => `${layer}.num_batches_tracked`)));
  });
});

describe('batch normalization', () => {
  const state = { weight: f32([1], 2), bias: f32([1], 3), running_mean: f32([1], 4), running_var: f32([1], 5) };
  const built = <M extends nn.Model>(layer: M, shape: readonly number[] = [1]): M => {
    layer.build(shape);
    return layer;
  };

  test('takes the names weight, bias, running_mean, running_var, num_batches_tracked and no others', async () => {
    const layer = built(nn.batchNorm());
    loadStateDict(layer, { ...state, num_batches_tracked: counter(7) });
    expect(await valuesOf(layer)).toEqual({ scale: [2], shift: [3], runningMean: [4], runningVariance: [5] });
    const other = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name.replace('running_var', 'running_variance'), tensor]));
    expect(faultText(() => loadStateDict(layer, other))).toEqual([
      'E511 state dict: the file and the model must have the same tensors.', 'the file lacks running_var', 'the model lacks running_variance',
      'Fix: build the same layers, give other paths by { rename }, or take what fits with { strict: false }']);
  });

  test('a checkpoint without num_batches_tracked has seen 0 batches', async () => {
    const layer = built(nn.batchNorm({ average: 'cumulative' }));
    loadStateDict(layer, { ...state, num_batches_tracked: counter(7) });
    expect((await valuesOf(layer)).runningWeight).toEqual([7]);
    expect((await stateDict(layer)).get('num_batches_tracked')).toEqual(counter(7));
    loadStateDict(layer, state);
    expect((await valuesOf(layer)).runningWeight).toEqual([0]);
  });

  test('a debiased average has the weight of as many batches', async () => {
    const layer = built(nn.batchNorm({ debias: true, decay: 0.9 }));
    loadStateDict(layer, { ...state, num_batches_tracked: counter(3) });
    expect((await valuesOf(layer)).runningWeight[0]).toBeCloseTo(1 - 0.9 ** 3, 6);
    expect((await stateDict(layer)).get('num_batches_tracked')).toEqual(counter(3));
    loadStateDict(layer, { ...state, num_batches_tracked: counter(100_000) });
    expect((await stateDict(layer)).has('num_batches_tracked')).toBe(false);
  });

  test('instance norm refuses stray running statistics and says what to do', async () => {
    const layer = built(nn.instanceNorm({ scale: true, center: true }), [2, 1]);
    expect(faultText(() => loadStateDict(layer, state))).toEqual([
      'E511 state dict: the file and the model must have the same tensors.', 'the model lacks running_mean, running_var',
      'Fix: to use them build nn.instanceNorm({ running: true }); else leave them out with { strict: false }']);
    expect(loadStateDict(layer, state, { strict: false })).toEqual({ missing: [], unused: ['running_mean', 'running_var'] });
    expect(await valuesOf(layer)).toEqual({ scale: [2], shift: [3] });
  });
});

describe('what does not fit', () => {
  const make = (): nn.Sequential => nn.sequential({ input: [2] }, nn.linear(3), nn.batchNorm());
  const full = async (): Promise<Map<string, SavedTensor>> => stateDict(make());

  test('a shape: nothing is written, and both sides are shown', async () => {
    const model = make();
    const before = await valuesOf(model);
    const state = (await full()).set('0.bias', f32([3], 1, 2, 3)).set('0.weight', f32([2, 3], 1, 2, 3, 4, 5, 6));
    for (const strict of [true, false]) {
      expect(faultText(() => loadStateDict(model, state, { strict, source: 'net.pt' }))).toEqual([
        'E512 net.pt: "0.weight" must have the shape that the model needs.', 'model f32 [2, 3], in the file [3, 2]   file f32 [2, 3]', 'in 0.weight',
        'Fix: build the layer with the sizes of the file']);
    }
    expect(await valuesOf(model)).toEqual(before);
  });

  test('a number that f32 cannot hold', async () => {
    const state = (await full()).set('0.bias', { dtype: 'i32', shape: [3], data: Int32Array.of(1, 2 ** 24 + 1, 3) });
    expect(faultText(() => loadStateDict(make(), state))).toEqual([
      'E513 state dict: "0.bias" holds a value that f32 cannot hold exactly.', '16777217, stored as i32', 'Fix: leave the tensor out of the file, or store it as float32']);
  });

  test('names: strict: false takes what fits and reports the rest', async () => {
    const model = make();
    const { '0.bias': before } = await valuesOf(model);
    const report = loadStateDict(model, { '0.weight': f32([3, 2], 1, 2, 3, 4, 5, 6), 'head.weight': f32([1], 1) }, { strict: false });
    expect(report).toEqual({ missing: ['0.bias', '1.weight', '1.bias', '1.running_mean', '1.running_var'], unused: ['head.weight'] });
    expect(await valuesOf(model)).toMatchObject({ '0.weight': [1, 3, 5, 2, 4, 6], '0.bias': before });
  });

  test('a model without sizes', () => {
    expect(faultText(() => loadStateDict(nn.sequential(nn.linear(3)), {}))[0]).toMatch(/^E320 /);
  });
});

describe('names and order', () => {
  test('rename gives the paths of the other side, in both directions', async () => {
    const model = nn.sequential({ input: [1] }, nn.linear(1));
    const rename = (path: string): string => ({ 0: 'module.fc' })[path] ?? path;
    loadStateDict(model, { 'module.fc.weight': f32([1, 1], 5), 'module.fc.bias': f32([1], 6) }, { rename });
    expect([...(await stateDict(model, { rename })).keys()]).toEqual(['module.fc.weight', 'module.fc.bias']);
    expect(await valuesOf(model)).toEqual({ '0.weight': [5], '0.bias': [6] });
  });

  test('behind flatten, rows go from (c, h, w) to (h, w, c), through layers that keep the order', async () => {
    // [H, W, C] = [1, 2, 2]; PyTorch counts c first.
    const head = (...before: readonly nn.Model[]): nn.Sequential => nn.sequential({ input: [1, 2, 2] }, nn.flatten(), ...before, nn.linear(1, { bias: false }));
    const state = (at: number): Record<string, SavedTensor> => ({ [`${at}.weight`]: f32([1, 4], 10, 11, 20, 21) });
    const plain = head(), deep = head(nn.relu(), nn.dropout(0.5)), last = head();
    loadStateDict(plain, state(1));
    loadStateDict(deep, state(3));
    loadStateDict(last, state(1), { channels: 'last' });
    expect(await valuesOf(plain)).toEqual({ '1.weight': [10, 20, 11, 21] });
    expect(await valuesOf(deep)).toEqual({ '3.weight': [10, 20, 11, 21] });
    expect(await valuesOf(last)).toEqual({ '1.weight': [10, 11, 20, 21] });
  });

  test('a flatten in one sequence counts for a linear layer in the next, not behind a linear layer', async () => {
    const model = nn.sequential({ input: [1, 2, 2] }, nn.sequential(nn.flatten()), nn.sequential(nn.linear(4, { bias: false }), nn.linear(1, { bias: false })));
    const eye = Array.from({ length: 16 }, (_, i) => Number(i % 5 === 0));
    loadStateDict(model, { '1.0.weight': f32([4, 4], ...eye), '1.1.weight': f32([1, 4], 1, 2, 3, 4) });
    const values = await valuesOf(model);
    expect(values['1.1.weight']).toEqual([1, 2, 3, 4]);
    expect(values['1.0.weight']).toEqual([1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
  });

  test('a layer of one’s own keeps its names', async () => {
    class Gain extends nn.Module {
      gain!: ReturnType<Gain['param']>;
      protected override setup(): void {
        this.gain = this.param('gain', [1], nn.init.ones(), { fanIn: 1, fanOut: 1 });
      }
      forward(x: Tensor): Tensor { return x.mul(this.gain.value); }
    }
    const model = nn.sequential({ input: [1] }, new Gain());
    loadStateDict(model, { '0.gain': f32([1], 4) });
    expect(await stateDict(model)).toEqual(new Map([['0.gain', f32([1], 4)]]));
  });
});

test('num_batches_tracked of every version 2 checkpoint is read as i64', () => {
  expect(stateOf('torch-images').get('7.num_batches_tracked')).toEqual(counter(7));
});

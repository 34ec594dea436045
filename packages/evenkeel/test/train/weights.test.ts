import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { loadWeights, saveWeights } from '../../src/train/index.ts';

const make = (seed: number, outputs = 2): nn.Sequential => nn.sequential({ input: [3], seed }, nn.linear(4), nn.batchNorm(), nn.linear(outputs));
const values = async (model: nn.Module): Promise<number[][]> => Promise.all([...model.params(), ...model.buffers()].map(async (ref) => [...(await ref.read())]));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'evenkeel-weights-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('saveWeights and loadWeights', () => {
  it('bring parameters and buffers back, bit for bit', async () => {
    const [saved, loaded] = [make(1), make(2)];
    saved.buffers()[0].write([1, 2, 3, 4]);
    const path = join(dir, 'net.safetensors');
    await saveWeights(saved, path);
    await loadWeights(loaded, path);
    expect(await values(loaded)).toEqual(await values(saved));
    expect(await readdir(dir)).toEqual(['net.safetensors']);
  });

  it('refuse the file of another model, and leave the model as it was', async () => {
    const path = join(dir, 'net.safetensors');
    await saveWeights(make(1), path);
    const other = make(3, 5);
    const before = await values(other);
    await expect(loadWeights(other, path)).rejects.toThrow(`E510 ${path}: "2.weight" must have the shape and dtype that it has in the model.\n     model f32 [4, 5]   file f32 [4, 2]`);
    expect(await values(other)).toEqual(before);
    await expect(loadWeights(nn.sequential({ input: [3] }, nn.linear(4)), path)).rejects.toThrow(
      'the file and the model must have the same tensors.\n     the model lacks 1.scale, 1.shift, 2.weight, 2.bias, 1.runningMean, 1.runningVariance');
    await expect(loadWeights(nn.sequential({ input: [3] }, nn.linear(4), nn.batchNorm(), nn.linear(2), nn.linear(2)), path)).rejects.toThrow('the file lacks 3.weight, 3.bias');
  });

  it('notice a damaged file, a missing one and a folder that is not there', async () => {
    const path = join(dir, 'damaged.safetensors');
    await saveWeights(make(1), path);
    await writeFile(path, (await readFile(path)).subarray(0, -4));
    await expect(loadWeights(make(1), path)).rejects.toThrow(`E502 ${path}: this is not a whole safetensors file`);
    await expect(loadWeights(make(1), join(dir, 'none'))).rejects.toThrow('the file cannot be read (ENOENT)');
    await expect(saveWeights(make(1), join(dir, 'no', 'such'))).rejects.toThrow('the file cannot be written (ENOENT)');
  });
});

/** The networks of tools/goldens/interop.py and interop-tfjs.ts in our layers, and what they are to compute. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { compile, nn } from '../../src/index.ts';

const folder = new URL('../goldens/interop/', import.meta.url);
interface Values { readonly shape: readonly number[]; readonly data: readonly number[] }
const outputs: Readonly<Record<string, { readonly x: Values; readonly y: Values }>> = {
  ...(JSON.parse(readFileSync(new URL('outputs.json', folder), 'utf8')) as object), ...(JSON.parse(readFileSync(new URL('tfjs/outputs.json', folder), 'utf8')) as object),
};

/** The bytes of a golden file. */
export function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, folder)));
}

/** Its path. */
export function goldenPath(name: string): string {
  return new URL(name, folder).pathname;
}

/** Outputs within 1e-5: both sides compute in f32, in another order. */
export async function expectOutputs(model: nn.Model, name: string): Promise<void> {
  const { x, y } = outputs[name];
  const step = compile('forward', (inputs) => ({ y: model.forward(inputs.x) }), { mode: 'eval' });
  const got = await (await step({ x: { data: Float32Array.from(x.data), shape: x.shape } })).y.data();
  expect(got.length).toBe(y.data.length);
  const off = Math.max(...[...got].map((value, i) => Math.abs(value - y.data[i])));
  expect(off).toBeLessThan(1e-5);
}

export const torchImages = (): nn.Sequential => nn.sequential({ input: [4, 3, 3], seed: 1 },
  nn.conv2d(8, 3, { padding: 1 }), nn.batchNorm(), nn.relu(), nn.conv2d(8, 3, { padding: 1, groups: 4, bias: false }), nn.instanceNorm({ scale: true, center: true }),
  nn.groupNorm({ groups: 4 }), nn.convTranspose2d(6, 4, { stride: 2, padding: 1 }), nn.batchNorm({ average: 'cumulative' }), nn.instanceNorm({ running: true }),
  nn.layerNorm({ axes: [1, 2, 3] }), nn.maxPool2d(2), nn.flatten(), nn.batchNorm(), nn.relu(), nn.dropout(0.5), nn.linear(10), nn.layerNorm(), nn.rmsNorm(), nn.linear(4));

export const torchSequences = (): nn.Sequential => nn.sequential({ input: [3, 3] }, nn.recurrent(nn.lstmCell(4)), nn.recurrent(nn.gruCell(5)));

export const torchWrapped = (): nn.Sequential => nn.sequential({ input: [5, 4, 3] },
  nn.weightNorm(nn.conv2d(4, 3)), nn.spectralNorm(nn.conv2d(5, [2, 1])), nn.globalAvgPool2d(), nn.flatten(), nn.weightNorm(nn.linear(4)), nn.spectralNorm(nn.linear(3)));

const keras = { dialect: 'keras' } as const;

export const kerasImages = (): nn.Sequential => nn.sequential({ input: [5, 4, 3] },
  nn.conv2d(8, 3, { padding: 'same' }), nn.batchNorm(keras), nn.conv2d(16, 3, { groups: 8 }), nn.relu(), nn.batchNorm({ ...keras, scale: false }),
  nn.convTranspose2d(4, 4, { stride: 2, padding: 1, bias: false }), nn.maxPool2d(2), nn.flatten(), nn.linear(3));

export const kerasNorms = (): nn.Sequential => nn.sequential({ input: [3, 2, 4] },
  nn.batchRenorm(keras), nn.groupNorm({ ...keras, groups: 2 }), nn.instanceNorm(keras), nn.layerNorm({ ...keras, axes: [1, 2, 3] }),
  nn.batchNorm({ ...keras, scale: false, center: false }), nn.layerNorm({ ...keras, scale: false }), nn.rmsNorm(keras), nn.linear(3));

export const kerasSequences = (): nn.Sequential => nn.sequential({ input: [3, 3] },
  nn.linear(3), nn.recurrent(nn.lstmCell(4)), nn.sequential(nn.recurrent(nn.gruCell(5)), nn.batchNorm({ ...keras, center: false }), nn.linear(4)), nn.linear(2));

export const tfjsImages = (): nn.Sequential => nn.sequential({ input: [5, 4, 3] },
  nn.conv2d(6, 3, { padding: 'same' }), nn.batchNorm(keras), nn.conv2d(12, 3, { padding: 'same', groups: 6 }), nn.batchNorm({ ...keras, scale: false }),
  nn.convTranspose2d(4, 4, { stride: 2, padding: 1, bias: false }), nn.layerNorm(keras), nn.maxPool2d(2), nn.flatten(), nn.batchNorm({ ...keras, center: false }), nn.linear(3));

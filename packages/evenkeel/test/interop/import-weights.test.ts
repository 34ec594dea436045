import { describe, expect, test } from 'vitest';
import { importWeights, nn } from '../../src/index.ts';
import { expectOutputs, golden, goldenPath, kerasImages, kerasNorms, kerasSequences, torchImages } from './networks.ts';

const precise = (): nn.Sequential => nn.sequential({ input: [5] }, nn.linear(3));

describe('files compute the same here', () => {
  const files: readonly (readonly [file: string, make: () => nn.Sequential])[] = [
    ['torch-images.safetensors', torchImages], ['torch-images.pt', torchImages],
    ...['f64', 'f16', 'bf16'].flatMap((type) => [[`torch-${type}.safetensors`, precise] as const, [`torch-${type}.pt`, precise] as const]),
    ['keras-images.keras', kerasImages], ['keras-images.weights.h5', kerasImages], ['keras-images.h5', kerasImages],
    ['keras-norms.keras', kerasNorms], ['keras-norms.weights.h5', kerasNorms], ['keras-norms.h5', kerasNorms],
    ['keras-sequences.keras', kerasSequences], ['keras-sequences.h5', kerasSequences],
  ];

  test.each(files)('%s', async (file, make) => {
    const model = make();
    expect(await importWeights(model, goldenPath(file))).toEqual({ missing: [], unused: [] });
    await expectOutputs(model, file.split('.')[0]);
    const other = make();
    await importWeights(other, golden(file));
    await expectOutputs(other, file.split('.')[0]);
  });
});

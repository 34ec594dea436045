/** A folder that looks like MNIST and holds a few made digits. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenBits } from './golden-data.ts';

/** Writes the four IDX files: 28 x 28 pixels of noise with one bright row that tells the label. */
export function writeTinyMnist(folder: string, counts: { readonly train: number; readonly test: number }): void {
  for (const [name, count, seed] of [['train', counts.train, 1], ['t10k', counts.test, 2]] as const) {
    const labels = Uint8Array.from(goldenBits(seed, count), (b) => b % 10);
    const pixels = Uint8Array.from(goldenBits(seed + 100, count * 784), (b) => b % 64);
    labels.forEach((label, image) => pixels.fill(255, image * 784 + (4 + 2 * label) * 28, image * 784 + (5 + 2 * label) * 28));
    writeFileSync(join(folder, `${name}-images-idx3-ubyte`), idx([count, 28, 28], pixels));
    writeFileSync(join(folder, `${name}-labels-idx1-ubyte`), idx([count], labels));
  }
}

/** The IDX format for bytes: 0, 0, type 8, rank, then the extents as big-endian words, then the values. */
function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const file = new Uint8Array(4 + 4 * shape.length + values.length);
  const view = new DataView(file.buffer);
  file.set([0, 0, 8, shape.length]);
  shape.forEach((extent, axis) => view.setUint32(4 + 4 * axis, extent));
  file.set(values, 4 + 4 * shape.length);
  return file;
}

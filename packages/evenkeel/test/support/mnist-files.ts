/** Tiny files in the MNIST format: digit d is a bright bar at row 2 * d + 4, so that a small net can learn it. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function idxBytes(shape: readonly number[], values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  bytes.set([0, 0, 8, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((extent, axis) => view.setUint32(4 + 4 * axis, extent));
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

/** A folder with the four files, holding `train` and `test` samples. */
export async function tinyMnist(train: number, test: number): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-mnist-'));
  for (const [prefix, count] of [['train', train], ['t10k', test]] as const) {
    const pixels = new Uint8Array(count * 784);
    const labels = Uint8Array.from({ length: count }, (_, i) => (i * 7) % 10);
    labels.forEach((digit, i) => pixels.fill(255, i * 784 + (2 * digit + 4) * 28 + 4, i * 784 + (2 * digit + 5) * 28 - 4));
    await writeFile(join(dir, `${prefix}-images-idx3-ubyte`), idxBytes([count, 28, 28], pixels));
    await writeFile(join(dir, `${prefix}-labels-idx1-ubyte`), idxBytes([count], labels));
  }
  return dir;
}

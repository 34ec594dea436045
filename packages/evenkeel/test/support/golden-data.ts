/** Numbers that TypeScript and Python make alike, so that a golden file stores seeds instead of data.
 *  The Python twin is tools/goldens/generated.py; keep the two in step. All values are exact in float32. */

import { readFileSync } from 'node:fs';

export interface GoldenWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly seed: number;
  readonly bound: number;
}

export interface GoldenChecksum {
  readonly sum: number;
  readonly squares: number;
  readonly at: readonly number[];
  readonly values: readonly number[];
}

export interface GoldenRun {
  readonly losses: readonly number[];
  /** Running statistics after the last step; `variance` is PyTorch's (each batch's times n / (n - 1)). */
  readonly running: Readonly<Record<string, {
    readonly mean: readonly number[];
    readonly variance: readonly number[];
    readonly biasedVariance: readonly number[];
  }>>;
  readonly weights: Readonly<Record<string, GoldenChecksum>>;
}

export interface GoldenNetwork {
  readonly initial: readonly GoldenWeight[];
  readonly float64: GoldenRun;
  readonly float32: GoldenRun;
}

export interface GoldenTrajectory {
  readonly steps: number;
  readonly batchSize: number;
  readonly rate: number;
  readonly epsilon: number;
  readonly decay: number;
  readonly networks: { readonly cnn: GoldenNetwork; readonly mlp: GoldenNetwork };
}

/** Reads the file that tools/goldens/trajectory.py writes. */
export function goldenTrajectory(): GoldenTrajectory {
  return readGolden<GoldenTrajectory>('trajectory');
}

export interface GoldenDense {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** One layer, loss or function; `gradients` are those of sum(output * upstream). */
export interface GoldenLayer {
  readonly name: string;
  readonly op: string;
  readonly options: Readonly<Record<string, number | boolean | readonly number[]>>;
  readonly inputs: Readonly<Record<string, GoldenDense>>;
  readonly output: GoldenDense;
  readonly upstream: GoldenDense;
  readonly gradients: Readonly<Record<string, GoldenDense>>;
  /** Running statistics after the step, for batch norm while training. */
  readonly extra?: Readonly<Record<string, GoldenDense>>;
}

/** One update rule: `values[i]` is the parameter after the update with `gradients[i]`. Options are PyTorch's. */
export interface GoldenUpdate {
  readonly rule: string;
  readonly options: Readonly<Record<string, number | boolean | readonly number[]>>;
  readonly defaults: Readonly<Record<string, number | boolean | readonly number[]>>;
  readonly initial: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly values: readonly (readonly number[])[];
}

/** Reads the file that tools/goldens/layers.py writes. */
export function goldenLayers(): { readonly layers: readonly GoldenLayer[]; readonly updates: readonly GoldenUpdate[] } {
  return readGolden('layers');
}

/** Parses test/goldens/NAME.json. */
export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../goldens/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** Random bits number 0..count-1 of the stream `seed`: lowbias32 of (index + lowbias32 of seed). */
export function goldenBits(seed: number, count: number): Uint32Array {
  const start = mix(seed);
  return Uint32Array.from({ length: count }, (_, index) => mix((index + start) >>> 0));
}

/** `count` values in [-bound, bound); `bound` is a power of two. */
export function goldenUniform(seed: number, count: number, bound: number): Float32Array {
  return Float32Array.from(goldenBits(seed, count), (b) => ((b >>> 8) * 2 ** -23 - 1) * bound);
}

/** The initial value of one weight, in evenkeel's layout. */
export function goldenWeight({ shape, seed, bound }: GoldenWeight): Float32Array {
  return goldenUniform(seed, shape.reduce((size, extent) => size * extent, 1), bound);
}

/** Batch number `step`: images x [size, 28, 28, 1] in [-1/2, 3/4) and labels y [size] below 10.
 *  An image is noise, plus 1/4 on the patch that belongs to its label. */
export function goldenBatch(step: number, size: number): { readonly x: Float32Array; readonly y: Int32Array } {
  const y = Int32Array.from(goldenBits(5000 + step, size), (b) => b % 10);
  const x = Float32Array.from(goldenBits(9000 + step, size * 784), (b) => (b >>> 12) * 2 ** -20 - 0.5);
  y.forEach((label, image) => {
    const top = 2 + 14 * Math.floor(label / 5), left = 2 + 5 * (label % 5);
    for (let row = top; row < top + 10; row++) {
      for (let column = left; column < left + 4; column++) x[image * 784 + row * 28 + column] += 0.25;
    }
  });
  return { x, y };
}

/** The checksum of a weight in evenkeel's layout, summed in float64. */
export function goldenChecksum(weight: ArrayLike<number>): GoldenChecksum {
  const size = weight.length;
  const at = [0, Math.floor(size / 3), Math.floor((2 * size) / 3), size - 1];
  let sum = 0, squares = 0;
  for (let i = 0; i < size; i++) {
    sum += weight[i];
    squares += weight[i] * weight[i];
  }
  return { sum, squares, at, values: at.map((i) => weight[i]) };
}

/** lowbias32, a 32-bit integer hash (Wellons 2018, "Prospecting for Hash Functions"). */
function mix(value: number): number {
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * Normalization inside recurrent cells. A cell takes a hook (`RecurrentNormalization`) and asks it for one module at each place
 * where it would normalize; at every step it hands that module the values and the number of the step.
 */
import type { Tensor } from '../../tensor/index.ts';
import { concat } from '../../tensor/index.ts';
import { Module } from '../module.ts';
import { BatchNorm } from './batch-norm.ts';
import type { Dialect } from './dialects.ts';
import { faults } from './faults.ts';
import { LayerNorm } from './layer-norm.ts';

/** A place in a cell: the projection of the input, that of the hidden state, or the memory before the output gate. */
export type RecurrentSite = 'input' | 'hidden' | 'cell';

/** What a cell tells its normalizations about a step. */
export interface RecurrentStep {
  /** Counted from 0. */
  readonly step: number;
  /** Which samples still run, [N, 1]; others do not count in statistics. Default: all. */
  readonly mask?: Tensor;
}

/** What stands at one place of a cell: values [N, features] to values of that shape. */
export abstract class RecurrentNorm extends Module {
  abstract forward(x: Tensor, at: RecurrentStep): Tensor;
}

/**
 * What a recurrent cell takes as `norm`: makes the normalization of one place, or leaves it without one.
 * @param gates parts of equal size that the place's features consist of: 4 for the projections of an LSTM, 3 of a GRU, 1 for a memory
 */
export type RecurrentNormalization = (site: RecurrentSite, gates: number) => RecurrentNorm | undefined;

/** Layer normalization inside a cell. */
export interface RecurrentLayerNormOptions {
  /** Normalize each gate by itself instead of all gates of a projection together (the paper's way); default false. */
  readonly perGate?: boolean;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
}

/** Batch normalization inside a cell. */
export interface RecurrentBatchNormOptions {
  /** Steps that have running statistics of their own; later ones share those of the last. As long as the training sequences, if that is affordable. */
  readonly steps: number;
  /** First factors; default 0.1: with 1 the gates' tanh saturates and gradients vanish (Cooijmans et al. 2017, sec. 4). */
  readonly initialScale?: number;
  /** Weight of the old value in the running averages; default 0.9. */
  readonly decay?: number;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Whose defaults; default 'torch'. */
  readonly dialect?: Dialect;
}

/** Standardizes the projections sample by sample. Offsets are the cell's bias. */
class GateLayerNorm extends RecurrentNorm {
  private readonly parts: readonly LayerNorm[];

  constructor(parts: readonly LayerNorm[]) {
    super();
    this.parts = parts;
  }

  override children(): readonly (readonly [string, Module])[] {
    return this.parts.map((part, i) => [this.parts.length === 1 ? 'norm' : `${i}`, part]);
  }

  override describe(): string {
    return 'recurrentLayerNorm';
  }

  forward(x: Tensor): Tensor {
    if (this.parts.length === 1) return this.parts[0].forward(x);
    const width = x.shape[1] / this.parts.length;
    return concat(this.parts.map((part, i) => part.forward(x.slice([0, i * width], [x.shape[0], (i + 1) * width]))), 1);
  }
}

/** Standardizes each feature over the batch, by the statistics of its own step. */
class StepBatchNorm extends RecurrentNorm {
  private readonly norm: BatchNorm;
  private readonly keys: readonly string[];

  constructor(norm: BatchNorm, keys: readonly string[]) {
    super();
    this.norm = norm;
    this.keys = keys;
  }

  override describe(): string {
    return 'recurrentBatchNorm';
  }

  forward(x: Tensor, { step, mask }: RecurrentStep): Tensor {
    return this.norm.forward(x, { key: this.keys[Math.min(step, this.keys.length - 1)], mask });
  }
}

/**
 * Layer normalization of a cell's projections and memory (Ba, Kiros & Hinton 2016, arXiv 1607.06450, eq. 20 to 22):
 * `nn.lstmCell(64, { norm: nn.recurrentLayerNorm() })`. The practical choice for recurrent networks: no statistics over the batch,
 * the same in training and evaluation, any length.
 */
export function recurrentLayerNorm(options: RecurrentLayerNormOptions = {}): RecurrentNormalization {
  const { perGate = false, epsilon } = options;
  return (site, gates) => {
    const count = perGate ? gates : 1;
    return new GateLayerNorm(Array.from({ length: count }, () => new LayerNorm({ epsilon, center: site === 'cell' })));
  };
}

/**
 * Batch normalization of a cell's projections and memory, with factors shared over time and running statistics for each step
 * (Cooijmans et al. 2017, arXiv 1603.09025): `nn.lstmCell(64, { norm: nn.recurrentBatchNorm({ steps: 28 }) })`. Offsets of the
 * projections are the cell's bias. Padding must be masked, or it spoils the statistics of late steps.
 * @throws E101 unless steps is a whole number from 1; while training E311 for a batch of one
 */
export function recurrentBatchNorm(options: RecurrentBatchNormOptions): RecurrentNormalization {
  const { steps, initialScale = 0.1, ...rest } = options;
  if (!Number.isInteger(steps) || steps < 1) {
    throw faults.option('recurrentBatchNorm', 'steps', 'must be a whole number from 1', steps, 'give the length of the training sequences, for example steps: 28');
  }
  const keys = Array.from({ length: steps }, (_, step) => `step${step}`);
  return (site) => new StepBatchNorm(new BatchNorm({ ...rest, keys, initialScale, center: site === 'cell' }), keys);
}

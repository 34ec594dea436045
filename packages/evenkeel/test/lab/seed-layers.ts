/**
 * Two batch normalizations from articles that teach how to write one (in TensorFlow), as they stand there: names, axes, first
 * values and formulas are theirs. `mended` mends the first mistakes, those that keep them from running, and leaves the others.
 */
import { currentTrace, Module, moments, nn, tensor } from '../../src/index.ts';
import type { Buffer, Param, Tensor } from '../../src/index.ts';

const FANS = { fanIn: 1, fanOut: 1 };
/** Keras's random_uniform. */
const randomUniform = nn.init.uniform(0.05);

export interface FirstOptions {
  readonly axis?: number;
  readonly momentum?: number;
  readonly epsilon?: number;
  readonly center?: boolean;
  readonly scale?: boolean;
  readonly fused?: boolean;
  readonly mended?: boolean;
}

/** "How to choose a BN algorithm": the shape of a shape, moments over the channels, no update, one way for both modes. */
export class FirstLayer extends Module {
  gamma!: Param;
  beta: Param | undefined;
  movingMean!: Buffer;
  movingVar!: Buffer;
  readonly options: FirstOptions;

  constructor(options: FirstOptions = {}) {
    super();
    this.options = options;
  }

  protected override setup(inputs: Tensor): void {
    // input_shape = tf.shape(input_shape), so that input_shape[-1] is the rank.
    const inputShape = this.options.mended ? inputs.shape : [inputs.shape.length];
    const shape = [inputShape.at(-1)!];
    this.gamma = this.param('gamma', shape, randomUniform, FANS);
    if (this.options.scale ?? true) this.beta = this.param('beta', shape, nn.init.zeros(), FANS);
    this.movingMean = this.buffer('movingMean', shape, 0);
    this.movingVar = this.buffer('movingVar', shape, 1);
  }

  forward(inputs: Tensor): Tensor {
    const { axis = -1, epsilon = 1e-3 } = this.options;
    const { mean, variance } = moments(inputs, axis, { keepDims: true });
    const normalized = inputs.sub(mean).div(variance.add(epsilon).sqrt());
    return normalized.mul(this.gamma).add(this.beta!.value);
  }
}

/** How far the second layer is mended: not at all; until it runs; with the right axes too. */
export type Mended = 'nothing' | 'until it runs' | 'the axes';

export interface SecondOptions {
  readonly axis?: number;
  readonly momentum?: number;
  readonly epsilon?: number;
  readonly center?: boolean;
  readonly scale?: boolean;
  readonly mended?: Mended;
}

/** "Batch Normalization in practice": momentum on the wrong side, gamma added, evaluation by constants, state that nobody uses. */
export class SecondLayer extends Module {
  gamma!: Param;
  beta!: Param;
  gamma1: Buffer | undefined;
  beta1: Buffer | undefined;
  movingMean: Buffer | undefined;
  movingVariance: Buffer | undefined;
  readonly options: SecondOptions;

  constructor(options: SecondOptions = {}) {
    super();
    this.options = options;
  }

  protected override setup(inputs: Tensor): void {
    const shape = [inputs.shape.at(-1)!];
    this.gamma = this.param('gamma', shape, randomUniform, FANS);
    this.beta = this.param('beta', shape, nn.init.zeros(), FANS);
    if (this.options.scale ?? true) {
      this.gamma1 = this.buffer('gamma1', shape, 0.02);
      this.beta1 = this.buffer('beta1', shape, 0);
    }
    // The article assigns to moving_mean and moving_variance without ever making them.
    if ((this.options.mended ?? 'nothing') === 'nothing') return;
    const perStatistic = this.options.mended === 'the axes' ? shape : [...inputs.shape.slice(0, -1), 1];
    this.movingMean = this.buffer('movingMean', perStatistic, 0);
    this.movingVariance = this.buffer('movingVariance', perStatistic, 1);
  }

  forward(inputs: Tensor): Tensor {
    const { axis = -1, epsilon = 1e-5, mended = 'nothing' } = this.options;
    const axes = mended === 'the axes' ? inputs.shape.map((_, i) => i).slice(0, -1) : axis;
    let [mean, variance] = [tensor([0]), tensor([1])];
    if (currentTrace().mode === 'train') {
      const found = moments(inputs, axes, { keepDims: mended !== 'nothing' });
      [mean, variance] = [found.mean, found.variance];
    }
    const delta = variance.add(epsilon).sqrt();
    const outputs = inputs.sub(mean).div(delta);
    if (currentTrace().mode === 'train') this.updateMovingAverage(mean, variance);
    return outputs.add(this.beta).add(this.gamma.value.mul(delta));
  }

  private updateMovingAverage(mean: Tensor, variance: Tensor): void {
    const { momentum = 0.9 } = this.options;
    const [runningMean, runningVariance] = [this.movingMean!, this.movingVariance!];
    runningMean.assign(mean.reshape(runningMean.shape).mul(momentum).add(runningMean.value.mul(1 - momentum)).stopGradient());
    runningVariance.assign(variance.reshape(runningVariance.shape).mul(momentum).add(runningVariance.value.mul(1 - momentum)).stopGradient());
  }
}

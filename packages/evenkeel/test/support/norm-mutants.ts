/** A batch normalization as a user writes one, right by default, with a switch for every mistake. */
import { currentTrace, Module, nn, stopGradient, where } from '../../src/index.ts';
import type { Buffer, Param, Ref, Tensor } from '../../src/index.ts';
import { Fault } from '../../src/base/index.ts';

export interface Mistakes {
  readonly axes?: readonly number[];
  readonly decay?: number;
  readonly epsilon?: number;
  readonly update?: 'never' | 'always' | 'sum' | 'mean only' | 'of something else';
  readonly evaluation?: 'batch' | 'ignore' | 'unrooted' | 'swapped' | 'uncentered';
  readonly factor?: 'added' | 'unused' | 'random';
  readonly constant?: 'both' | 'mean' | 'variance';
  readonly form?: 'unrooted' | 'uncentered' | 'centered only' | 'one pass' | 'absolute' | 'running' | 'tanh';
  readonly statisticsAreParams?: boolean;
  readonly unbiased?: boolean;
  readonly epsilonOutside?: boolean;
  readonly running?: 'deviation';
  readonly unguarded?: boolean;
  readonly unfrozen?: boolean;
  readonly poisoned?: boolean;
  readonly fixedBatch?: boolean;
  readonly scale?: boolean;
  readonly center?: boolean;
  readonly shift?: number;
}

export class UserNorm extends Module {
  gamma: Param | undefined;
  beta: Param | undefined;
  movingMean!: Buffer | Param;
  movingVariance!: Buffer | Param;
  private samples: number | undefined;
  private readonly mistakes: Mistakes;

  constructor(mistakes: Mistakes = {}) {
    super();
    this.mistakes = mistakes;
  }

  protected override setup(x: Tensor): void {
    const [channels, fans] = [x.shape.at(-1)!, { fanIn: 1, fanOut: 1 }];
    const { factor, statisticsAreParams, scale = true, center = true, shift = 0 } = this.mistakes;
    if (scale) this.gamma = this.param('gamma', [channels], factor === 'random' ? nn.init.uniform(0.05) : nn.init.ones(), fans);
    if (center) this.beta = this.param('beta', [channels], nn.init.constant(shift), fans);
    const make = (name: string, value: number): Buffer | Param => (statisticsAreParams ? this.param(name, [channels], nn.init.constant(value), fans) : this.buffer(name, [channels], value));
    this.movingMean = make('movingMean', 0);
    this.movingVariance = make('movingVariance', 1);
    this.samples = x.shape[0];
  }

  forward(x: Tensor): Tensor {
    const { axes = x.shape.map((_, axis) => axis).slice(0, -1), unfrozen, unguarded, evaluation, update, fixedBatch } = this.mistakes;
    const training = currentTrace().mode === 'train' && (unfrozen || !this.frozen);
    if (!training && evaluation !== 'batch') return this.byRunning(x);
    if (!unguarded && x.size === x.shape.at(-1)) throw new Fault({ code: 'E311', op: 'userNorm', rule: 'more than one value', hint: 'a larger batch' });
    if (fixedBatch) x.sub(x.mul(0).reshape([this.samples!, ...x.shape.slice(1)]));
    const mean = x.mean(axes, { keepDims: true });
    const variance = this.mistakes.form === 'one pass' ? x.square().mean(axes, { keepDims: true }).sub(mean.square()) : x.variance(axes, { keepDims: true });
    if ((training && update !== 'never') || update === 'always') this.move(x, mean, variance);
    return this.byBatch(x, mean, variance);
  }

  private byBatch(x: Tensor, mean: Tensor, variance: Tensor): Tensor {
    const { constant, form, epsilon = 1e-3, factor, unbiased, epsilonOutside } = this.mistakes;
    const m = constant === 'both' || constant === 'mean' ? stopGradient(mean) : mean;
    const count = x.size / mean.size;
    const estimated = unbiased ? variance.mul(count / (count - 1)) : variance;
    const v = constant === 'both' || constant === 'variance' ? stopGradient(estimated) : estimated;
    const deviation = epsilonOutside ? v.sqrt().add(epsilon) : v.add(epsilon).sqrt();
    if (form === 'absolute') return this.affine(x.mul(2));
    if (form === 'running') return this.byRunning(x);
    if (form === 'tanh') return this.affine(x.sub(m).div(deviation).tanh());
    if (form === 'centered only') return this.affine(x.sub(m));
    const y = (form === 'uncentered' ? x : x.sub(m)).div(form === 'unrooted' ? v.add(epsilon) : deviation);
    return factor === 'added' ? y.add(this.beta!).add(this.gamma!.value.mul(deviation)) : this.affine(y);
  }

  private affine(y: Tensor): Tensor {
    const scaled = this.gamma && this.mistakes.factor !== 'unused' ? y.mul(this.gamma) : y;
    return this.beta ? scaled.add(this.beta) : scaled;
  }

  private byRunning(x: Tensor): Tensor {
    const { evaluation, epsilon = 1e-3 } = this.mistakes;
    const [mean, variance] = evaluation === 'swapped' ? [this.movingVariance, this.movingMean] : [this.movingMean, this.movingVariance];
    if (evaluation === 'ignore') return this.affine(x.div(Math.sqrt(1 + epsilon)));
    const centered = evaluation === 'uncentered' ? x : x.sub(mean);
    return this.affine(centered.div(evaluation === 'unrooted' ? variance.value.add(epsilon) : variance.value.add(epsilon).sqrt()));
  }

  private move(x: Tensor, mean: Tensor, variance: Tensor): void {
    const { decay = 0.9, update, poisoned } = this.mistakes;
    const follow = (running: Ref, now: Tensor): void => {
      const old = running.value;
      const target = update === 'of something else' ? x.max([0, 1]) : now.reshape(running.shape);
      const next = old.mul(decay).add(target.mul(update === 'sum' ? decay : 1 - decay));
      running.assign(stopGradient(poisoned ? next : where(next.sub(next).eq(0), next, old)));
    };
    follow(this.movingMean, mean);
    if (update !== 'mean only') follow(this.movingVariance, this.mistakes.running === 'deviation' ? variance.sqrt() : variance);
  }
}

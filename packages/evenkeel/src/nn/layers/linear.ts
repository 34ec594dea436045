/** Matrix product and bias. */
import type { Param, Tensor } from '../../tensor/index.ts';
import { checkTensor } from '../check-tensor.ts';
import { faults } from '../faults.ts';
import { init } from '../init.ts';
import type { Initializer } from '../init.ts';
import { Module } from '../module.ts';
import { count } from './options.ts';

/** Parameters of a linear layer. */
export interface LinearOptions {
  /** Add a bias; default true. */
  readonly bias?: boolean;
  /** First weights; default uniform in +-1 / sqrt(features in), as PyTorch. */
  readonly init?: Initializer;
  /** Features of the input; default: those of the first input. */
  readonly in?: number;
}

/** x [..., in] times weight [in, features] plus bias [features]. */
export class Linear extends Module {
  readonly features: number;
  weight!: Param;
  bias: Param | undefined;
  private readonly options: LinearOptions;

  constructor(features: number, options: LinearOptions = {}) {
    super();
    this.features = count('linear', 'features', features);
    if (options.in !== undefined) count('linear', 'in', options.in);
    this.options = options;
  }

  protected override setup(x: Tensor): void {
    checkTensor('linear', 'input', x);
    if (x.rank < 2) throw faults.rank('linear', x.shape, '[N, ..., features]', 'reshape it to [1, features] for a single sample');
    const features = this.options.in ?? x.shape.at(-1)!;
    const fans = { fanIn: features, fanOut: this.features };
    this.weight = this.param('weight', [features, this.features], this.options.init ?? init.fanInUniform(), fans);
    if (this.options.bias ?? true) this.bias = this.param('bias', [this.features], init.fanInUniform(), fans);
  }

  override describe(): string {
    return `linear ${this.features}`;
  }

  forward(x: Tensor): Tensor {
    checkTensor('linear', 'input', x);
    if (x.shape.at(-1) !== this.weight.shape[0]) throw faults.features(x.shape, this.weight.shape[0], this.features);
    const y = x.matmul(this.weight.value);
    return this.bias ? y.add(this.bias.value) : y;
  }
}

/**
 * A fully connected layer on the last axis.
 * @param features  outputs
 * @throws E301 at the first input if it does not have `in` features
 */
export function linear(features: number, options?: LinearOptions): Linear {
  return new Linear(features, options);
}

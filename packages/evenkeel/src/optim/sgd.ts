/** Gradient descent, with momentum if wanted. */
import type { Param, Tensor } from '../tensor/index.ts';
import { Optimizer } from './optimizer.ts';
import type { OptimizerOptions, UpdateContext } from './optimizer.ts';

/** Constants of gradient descent. */
export interface SgdOptions extends OptimizerOptions {
  /** Weight of the old velocity (Polyak's heavy ball, as PyTorch: v = momentum * v + g; p = p - rate * v). Default 0. */
  readonly momentum?: number;
  /** Look ahead: p = p - rate * (g + momentum * v) (Sutskever et al. 2013). Default false. */
  readonly nesterov?: boolean;
  /** Adds weightDecay * p to the gradient (L2). Default 0. */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent; rate 0.01 unless said. @throws E101 for options out of range */
export class SGD extends Optimizer {
  private readonly options: Required<Pick<SgdOptions, 'momentum' | 'nesterov' | 'weightDecay'>>;

  constructor(options: SgdOptions = {}) {
    super('sgd', 1e-2, options);
    const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
    this.options = { momentum: this.within('momentum', momentum, 0, 1), nesterov, weightDecay: this.within('weightDecay', weightDecay, 0, Infinity) };
  }

  protected update(param: Param, gradient: Tensor, { rate }: UpdateContext): void {
    const { momentum, nesterov, weightDecay } = this.options;
    const p = param.value;
    const g = weightDecay === 0 ? gradient : gradient.add(p.mul(weightDecay));
    if (momentum === 0) return param.assign(p.sub(g.mul(rate)));
    const velocity = this.state(param, 'velocity');
    const v = velocity.value.mul(momentum).add(g);
    velocity.assign(v);
    param.assign(p.sub((nesterov ? g.add(v.mul(momentum)) : v).mul(rate)));
  }
}

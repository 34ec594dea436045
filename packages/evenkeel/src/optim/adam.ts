/** Adam (Kingma & Ba 2015), and AdamW by option. */
import type { Param, Tensor } from '../tensor/index.ts';
import { Optimizer } from './optimizer.ts';
import type { OptimizerOptions, UpdateContext } from './optimizer.ts';

/** Constants of Adam. */
export interface AdamOptions extends OptimizerOptions {
  /** Weight of the old first moment; default 0.9. */
  readonly beta1?: number;
  /** Weight of the old second moment; default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment; default 1e-8 (Keras uses 1e-7). */
  readonly epsilon?: number;
  /** Default 0. */
  readonly weightDecay?: number;
  /** Shrink the parameter by rate * weightDecay instead of adding to its gradient (AdamW, Loshchilov & Hutter 2019). Default false. */
  readonly decoupled?: boolean;
}

/** Adam as PyTorch's: p = p - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon); rate 1e-3 unless said. @throws E101 for options out of range */
export class Adam extends Optimizer {
  private readonly options: Required<Omit<AdamOptions, keyof OptimizerOptions>>;

  constructor(options: AdamOptions = {}) {
    super('adam', 1e-3, options);
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, decoupled = false } = options;
    this.options = {
      beta1: this.within('beta1', beta1, 0, 1), beta2: this.within('beta2', beta2, 0, 1), epsilon: this.within('epsilon', epsilon, 0, Infinity),
      weightDecay: this.within('weightDecay', weightDecay, 0, Infinity), decoupled,
    };
  }

  protected update(param: Param, gradient: Tensor, { rate, step }: UpdateContext): void {
    const { beta1, beta2, epsilon, weightDecay, decoupled } = this.options;
    const old = param.value;
    const shrunk = decoupled && weightDecay > 0 ? old.mul(rate.mul(-weightDecay).add(1)) : old;
    const g = !decoupled && weightDecay > 0 ? gradient.add(old.mul(weightDecay)) : gradient;
    const first = this.state(param, 'first');
    const second = this.state(param, 'second');
    const m = first.value.mul(beta1).add(g.mul(1 - beta1));
    const v = second.value.mul(beta2).add(g.square().mul(1 - beta2));
    first.assign(m);
    second.assign(v);
    const size = rate.div(oneMinusPower(beta1, step));
    const denominator = v.sqrt().mul(oneMinusPower(beta2, step).rsqrt()).add(epsilon);
    param.assign(shrunk.sub(m.div(denominator).mul(size)));
  }
}

/** 1 - beta^step, without the cancellation that costs three digits of 1 - 0.999 in f32. */
function oneMinusPower(beta: number, step: Tensor): Tensor {
  return step.mul(Math.log(beta)).expm1().neg();
}

/** Spectral normalization (Miyato et al. 2018, arXiv 1802.05957). */
import { RandomStream } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { currentTrace, valueNow } from '../../runtime/index.ts';
import { spectralNorm as estimate } from '../../tensor/index.ts';
import type { Buffer, Tensor } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { Module } from '../module.ts';
import { reparametrize } from '../reparametrize.ts';
import { checkEpsilon } from './option-checks.ts';
import { byOutputs, ruleKey, unitAxis } from './weight-options.ts';
import type { WeightRuleOptions } from './weight-options.ts';

/** How the largest singular value is estimated. */
export interface SpectralNormOptions extends WeightRuleOptions {
  /** Steps of power iteration in every forward in training; default 1. */
  readonly iterations?: number;
  /** Smallest length that vectors are divided by; default 1e-12. */
  readonly epsilon?: number;
}

/** Steps of power iteration before the first forward, as PyTorch takes. */
const WARM_UP = 15;

/**
 * The rule w / sigma(w), with sigma = u' W v as PyTorch's parametrization has it: training moves v and u by power iteration before
 * every use (each use of several in one step has its own vectors, so that all of them can be differentiated), the vectors are
 * constants and the gradient flows through sigma. Evaluation and a frozen layer use the stored vectors. A weight of one axis is
 * divided by its length. Keras differs: it overwrites the stored weight and no gradient flows through sigma.
 */
export class SpectralNorm extends Module {
  /** Left singular vector, [units]. */
  u: Buffer | undefined;
  /** Right singular vector, [values of a unit]. */
  v: Buffer | undefined;
  private readonly options: SpectralNormOptions;

  constructor(options: SpectralNormOptions = {}) {
    super();
    const { iterations = 1 } = options;
    if (!Number.isInteger(iterations) || iterations < 1) throw faults.option('spectralNorm', 'iterations', 'must be a whole number from 1', iterations, 'for example iterations: 1');
    checkEpsilon('spectralNorm', options.epsilon ?? 0);
    this.options = options;
  }

  protected override setup(weight: Tensor): void {
    const unit = unitAxis(this, weight.shape, this.options.axis);
    const units = weight.shape[unit];
    if (weight.rank < 2) return;
    const { u, v } = warmUp(valueNow(weight.node), weight.shape, unit, new RandomStream(this.seed, this.path === '' ? 'u' : `${this.path}.u`));
    this.u = this.buffer('u', [units], u);
    this.v = this.buffer('v', [weight.size / units], v);
  }

  override describe(): string {
    return 'spectralNorm';
  }

  forward(weight: Tensor): Tensor {
    const { epsilon = 1e-12, iterations = 1, axis } = this.options;
    if (!this.u || !this.v) return weight.div(weight.square().sum().sqrt().maximum(epsilon));
    const moving = currentTrace().mode === 'train' && !this.frozen;
    const { norm, u, v } = estimate(weight, { u: this.u, v: this.v }, { axis, epsilon, iterations: moving ? iterations : 0 });
    if (moving) {
      this.u.assign(u);
      this.v.assign(v);
    }
    return weight.div(norm);
  }
}

/**
 * Divides a layer's weight by its largest singular value, so that the layer stretches no input: `nn.spectralNorm(nn.conv2d(64, 3))`.
 * For the discriminators of GANs. The layer gets the buffers `spectralNorm.u` and `spectralNorm.v`.
 * @returns the same layer
 * @throws E101 for iterations and epsilon; E350 if the layer has no such parameter; E353 for an axis that the weight does not have
 */
export function spectralNorm<L extends Module>(layer: L, options: SpectralNormOptions = {}): L {
  return reparametrize(layer, new SpectralNorm(byOutputs(layer, options)), { param: options.param, key: ruleKey('spectralNorm', options.param) });
}

/** Singular vectors of a weight by power iteration on the host, from random ones. */
function warmUp(weight: Float64Array, shape: Shape, axis: number, random: RandomStream): { readonly u: Float64Array; readonly v: Float64Array } {
  const units = shape[axis];
  const stride = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const u = new Float64Array(units);
  const v = Float64Array.from({ length: weight.length / units }, () => random.normal());
  for (let i = 0; i < WARM_UP; i++) {
    for (const [from, to] of [[v, u], [u, v]]) {
      to.fill(0);
      for (let flat = 0; flat < weight.length; flat++) {
        const unit = Math.floor(flat / stride) % units;
        const rest = Math.floor(flat / (stride * units)) * stride + (flat % stride);
        if (to === u) u[unit] += weight[flat] * from[rest];
        else v[rest] += weight[flat] * from[unit];
      }
      const length = Math.max(Math.sqrt(to.reduce((sum, value) => sum + value * value, 0)), 1e-12);
      to.forEach((value, at) => { to[at] = value / length; });
    }
  }
  return { u, v };
}

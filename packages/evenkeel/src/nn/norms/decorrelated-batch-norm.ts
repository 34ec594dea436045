/** Batch normalization that also decorrelates the channels: whitening by Newton's iteration (IterNorm). */
import type { Buffer, Statistics, Tensor } from '../../tensor/index.ts';
import { tensor, where } from '../../tensor/index.ts';
import { count } from './count.ts';
import { batchFaults } from './batch-faults.ts';
import { counted } from './mask.ts';
import { Normalization } from './normalization.ts';
import type { ByBatch, Keyed, Site } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { oncePerStep } from './once-per-step.ts';
import { ofSeveral } from './running-statistics.ts';

/** How far channels are decorrelated. */
export interface DecorrelatedBatchNormOptions extends Omit<NormalizationOptions, 'average' | 'debias'> {
  /** Neighbouring channels that are whitened together; must divide the channels. Default all up to 64. Needs far more values per channel than this. */
  readonly groupSize?: number;
  /** Newton steps; default 5. More whiten further and bring the noise of small eigenvalues in. */
  readonly iterations?: number;
}

/**
 * y = scale * W (x - mean) + shift with W about covariance^(-1/2) of each group of channels, by `iterations` steps of Newton's method
 * P = (3 P - P^3 S) / 2 on S = covariance / trace, W = P / sqrt(trace) (Huang et al. 2019, arXiv 1904.03441, alg. 1; whitening itself
 * Huang et al. 2018, arXiv 1804.08450). Epsilon is added to the covariance's diagonal. Evaluation uses averages of the mean and of W.
 * For plain networks where conditioning is what limits training; costs channels * groupSize products per value.
 */
export class DecorrelatedBatchNorm extends Normalization {
  /** [groups, groupSize, groupSize]. */
  runningWhitening!: Buffer;
  private whiteningOf!: Keyed;
  private readonly given: number | undefined;
  private readonly iterations: number;

  constructor({ groupSize, iterations = 5, ...options }: DecorrelatedBatchNormOptions = {}) {
    super('decorrelatedBatchNorm', { ...options, average: 'exponential', debias: false });
    this.given = groupSize === undefined ? undefined : count(this.op, 'groupSize', groupSize);
    this.iterations = count(this.op, 'iterations', iterations);
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const channels = this.runningMean.shape[0];
    const size = this.given ?? Math.max(1, Math.min(channels, 64));
    if (channels % size !== 0) throw batchFaults.parts(this.op, 'channels', 'groupSize', channels, size);
    const shape = [channels / size, size, size];
    this.whiteningOf = this.keyed('runningWhitening', shape, identityMatrices(channels / size, size));
  }

  protected override byBatch(x: Tensor, site: Site): ByBatch {
    const statistics = this.gather(x, site);
    const whitening = this.whitening(x.sub(statistics.mean), statistics, site);
    if (this.moves()) this.average(whitening.stopGradient(), this.whiteningOf(site.key), ofSeveral(statistics));
    return { y: this.whitened(x, statistics.mean, whitening, site), statistics };
  }

  protected override byRunning(x: Tensor, site: Site): Tensor {
    return this.whitened(x, site.wide(this.running(site.key).mean.value), this.whiteningOf(site.key).value, site);
  }

  private whitening(centered: Tensor, { count: values }: Statistics, site: Site): Tensor {
    const rows = this.grouped(counted(centered, site.mask), site);
    const identity = eye(this.runningWhitening.shape[1]);
    const divisor = typeof values === 'number' ? values : values.reshape([values.size]).max().maximum(1);
    const covariance = rows.matmul(rows.transpose([0, 2, 1])).div(divisor).add(identity.mul(this.settings.epsilon));
    const trace = covariance.mul(identity).sum([1, 2], { keepDims: true });
    return newton(covariance.div(trace), this.iterations).mul(trace.rsqrt());
  }

  private whitened(x: Tensor, mean: Tensor, whitening: Tensor, site: Site): Tensor {
    const y = this.ungrouped(whitening.matmul(this.grouped(x.sub(mean), site)), x, site);
    const scaled = site.scale ? y.mul(site.scale) : y;
    return site.shift ? scaled.add(site.shift) : scaled;
  }

  private average(whitening: Tensor, running: Buffer, several: Tensor | undefined): void {
    const { decay } = this.settings;
    const old = running.value;
    const finite = whitening.sub(whitening).sum().eq(0);
    const valid = several ? finite.and(several) : finite;
    oncePerStep(running, () => running.assign(where(valid, old.mul(decay).add(whitening.mul(1 - decay)), old)));
  }

  /** [groups, groupSize, values]. */
  private grouped(x: Tensor, { axis, axes }: Site): Tensor {
    const [groups, size] = this.runningWhitening.shape;
    return x.transpose([axis, ...axes]).reshape([groups, size, axes.reduce((n, i) => n * x.shape[i], 1)]);
  }

  private ungrouped(rows: Tensor, x: Tensor, { axis, axes }: Site): Tensor {
    const order = [axis, ...axes];
    return rows.reshape(order.map((from) => x.shape[from])).transpose(order.map((_, to) => order.indexOf(to)));
  }
}

/** A whitening batch normalization layer. @throws E316 if groupSize does not divide the channels, and what batchNorm throws */
export function decorrelatedBatchNorm(options?: DecorrelatedBatchNormOptions): DecorrelatedBatchNorm {
  return new DecorrelatedBatchNorm(options);
}

/**
 * The steps P = (3 P - P^3 S) / 2 from the identity, computed with Q = S P beside P (the coupled form in Higham 2008, Functions of Matrices, chapter 6): the
 * same polynomials of S, but rounding does not grow. P alone loses all digits in f32 where eigenvalues are far apart.
 */
function newton(s: Tensor, iterations: number): Tensor {
  const identity = eye(s.shape[1]);
  let [p, q] = [identity.broadcastTo(s.shape), s];
  for (let i = 0; i < iterations; i++) {
    const step = identity.mul(1.5).sub(p.matmul(q).mul(0.5));
    [p, q] = [step.matmul(p), q.matmul(step)];
  }
  return p;
}

function eye(size: number): Tensor {
  return tensor(identityMatrices(1, size), [size, size]);
}

/** Some of them, one after the other. */
function identityMatrices(matrices: number, size: number): Float32Array {
  return Float32Array.from({ length: matrices * size * size }, (_, i) => (Math.floor(i / size) % size === i % size ? 1 : 0));
}

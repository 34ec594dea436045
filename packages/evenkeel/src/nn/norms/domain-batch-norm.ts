/** Batch normalization with statistics of its own for each domain. */
import { limitIndices } from '../../runtime/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { where } from '../../tensor/index.ts';
import { init } from '../init.ts';
import { batchFaults } from './batch-faults.ts';
import { faults } from './faults.ts';
import { counting, maskOver } from './mask.ts';
import { Normalization } from './normalization.ts';
import type { NormalizationCall } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';
import { scopedKey } from './scopes.ts';

/** Which domains there are, and what they share. */
export interface DomainBatchNormOptions extends Omit<NormalizationOptions, 'keys'> {
  /** Names of the domains; the first is the default. */
  readonly domains: readonly string[];
  /** Scale and shift: 'own' ones for each domain (default, as Chang et al.), or 'shared' (as detectron2's CycleBatchNormList). */
  readonly affine?: 'own' | 'shared';
}

/** A call for samples of one domain, or of several. */
export interface DomainCall extends NormalizationCall {
  /** The domain of all samples by name, or of each by number, i32 [N]; default: that of withStatisticsKey, else the first. */
  readonly domain?: string | Tensor;
}

/**
 * Batch normalization by domain (Chang et al. 2019, arXiv 1906.03950): each has statistics, running and of the batch, of its own,
 * while the weights around are shared. For training on sources that look different: sensors, sites, real and generated images.
 * Batches of one domain cost nothing more; mixed ones are normalized once for each domain, and samples choose.
 */
export class DomainBatchNorm extends Normalization {
  readonly domains: readonly string[];
  private readonly own: boolean;
  private readonly affineByDomain = new Map<string, { readonly scale?: Param; readonly shift?: Param }>();

  constructor({ domains, affine = 'own', ...options }: DomainBatchNormOptions) {
    super('domainBatchNorm', { ...options, keys: domains });
    if (domains.length === 0) throw faults.option(this.op, 'domains', 'must name at least one', domains, "for example domains: ['real', 'drawn']");
    if (affine !== 'own' && affine !== 'shared') throw faults.name(this.op, 'affine', affine, ['own', 'shared']);
    this.domains = [...domains];
    this.own = affine === 'own';
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const { shape } = this.runningMean;
    const { scale, center, initialScale } = this.settings;
    const make = (domain: string, name: string, value: number): Param => {
      const param = this.param(`${domain}.${name}`, shape, init.constant(value), { fanIn: shape[0], fanOut: shape[0] });
      Object.assign(this, { [`${domain}.${name}`]: param });
      return param;
    };
    for (const domain of this.own ? this.domains.slice(1) : []) {
      this.affineByDomain.set(domain, { scale: scale ? make(domain, 'scale', initialScale) : undefined, shift: center ? make(domain, 'shift', 0) : undefined });
    }
  }

  override forward(x: Tensor, call: DomainCall = {}): Tensor {
    const { domain = call.key ?? scopedKey() ?? this.domains[0] } = call;
    if (typeof domain === 'string') return this.of(domain, x, call);
    if (domain.dtype !== 'i32' || domain.rank !== 1 || domain.shape[0] !== x.shape[0]) {
      throw batchFaults.companion(this.op, 'domain', x.shape, domain.shape, `a name, or i32 [${x.shape[0]}], one for each sample`, `it is ${domain.dtype}; reshape or cast it`);
    }
    limitIndices(this.op, domain.node, this.domains.length);
    const numbers = domain.reshape([x.shape[0], ...x.shape.slice(1).fill(1)]);
    return this.domains.reduce<Tensor | undefined>((y, name, number) => {
      const chosen = numbers.eq(number);
      const now = this.of(name, x, { ...call, mask: call.mask ? chosen.and(counting(maskOver(this.op, x, this.axis(x), call.mask))) : chosen });
      return y ? where(chosen, now, y) : now;
    }, undefined)!;
  }

  private of(domain: string, x: Tensor, call: NormalizationCall): Tensor {
    if (!this.domains.includes(domain)) throw faults.key(this.op, domain, this.domains, 'domains');
    const { scale, shift } = this.affineByDomain.get(domain) ?? {};
    const wide = (param: Param | undefined): Tensor | undefined => param?.value.reshape(x.shape.map((extent, i) => (i === this.axis(x) ? extent : 1)));
    return super.forward(x, { ...call, key: domain, scale: call.scale ?? wide(scale), shift: call.shift ?? wide(shift) });
  }

  private axis(x: Tensor): number {
    return (this.settings.axis + x.rank) % x.rank;
  }
}

/**
 * A batch normalization layer with statistics by domain.
 * @throws E314 for a domain that it does not know; E317 for numbers of domains that do not fit; E402 for a number out of range; and what batchNorm throws
 */
export function domainBatchNorm(options: DomainBatchNormOptions): DomainBatchNorm {
  return new DomainBatchNorm(options);
}

/** Normalization of queries and keys before their product (Henry et al. 2020, arXiv 2010.04245; Dehghani et al. 2023, arXiv 2302.05442). */
import type { Param, Tensor } from '../../tensor/index.ts';
import { init } from '../init.ts';
import { Module } from '../module.ts';
import type { Model, ModuleOptions } from '../module.ts';
import { faults } from './faults.ts';
import { layerNorm } from './layer-norm.ts';
import { sampleFaults } from './per-sample-faults.ts';
import { rmsNorm } from './rms-norm.ts';
import { unitNorm } from './unit-norm.ts';

const NORMS = { rms: rmsNorm, layer: layerNorm, unit: unitNorm } as const;

/** How queries and keys are normalized. */
export interface QueryKeyNormOptions extends ModuleOptions {
  /** 'rms' (default, as most language models), 'layer' (ViT-22B) or 'unit' (length 1 and a learned gain, Henry et al.). */
  readonly norm?: keyof typeof NORMS;
  /** Added to the mean square or variance; default 1e-6. Of 'unit': the smallest length, 1e-12. */
  readonly epsilon?: number;
  /** Of 'unit': first value of the gain; default log2(L^2 - L) for the L keys of the first input (eq. 4), at least 1. */
  readonly gain?: number;
}

/** Queries and keys, ready: the logits of attention are query . key, with nothing more to divide by. */
export interface QueryAndKey { readonly query: Tensor; readonly key: Tensor }

/**
 * Normalizes each head's queries [..., L, D] and keys [..., M, D] over D, each with a scale of its own, so that attention's logits
 * stay bounded however the weights grow. The factor of the logits is in the queries: 1 / sqrt(D), or the gain of 'unit'. Rotary
 * positions may be applied afterwards: they keep lengths.
 */
export class QueryKeyNorm extends Module {
  readonly queryNorm: Model;
  readonly keyNorm: Model;
  gain: Param | undefined;
  private readonly options: QueryKeyNormOptions;

  constructor(options: QueryKeyNormOptions = {}) {
    super(options);
    const { norm = 'rms', epsilon } = options;
    if (!Object.hasOwn(NORMS, norm)) throw faults.name('queryKeyNorm', 'norm', norm, Object.keys(NORMS));
    this.options = options;
    const own = norm === 'unit' ? { epsilon } : { epsilon: epsilon ?? 1e-6, ...(norm === 'layer' ? { center: false } : {}) };
    [this.queryNorm, this.keyNorm] = [NORMS[norm](own), NORMS[norm](own)];
  }

  protected override setup(query: Tensor, key?: Tensor): void {
    if (this.options.norm !== 'unit') return;
    const length = checkKey(query, key).shape.at(-2)!;
    const gain = this.options.gain ?? Math.max(1, Math.log2(Math.max(length ** 2 - length, 2)));
    this.gain = this.param('gain', [], init.constant(gain), { fanIn: 1, fanOut: 1 });
  }

  override describe(): string {
    return `queryKeyNorm ${this.options.norm ?? 'rms'}`;
  }

  forward(query: Tensor, key?: Tensor): QueryAndKey {
    const given = checkKey(query, key);
    const factor = this.gain ?? 1 / Math.sqrt(query.shape.at(-1)!);
    return { query: this.queryNorm.forward(query).mul(factor), key: this.keyNorm.forward(given) };
  }
}

function checkKey(query: Tensor, key: Tensor | undefined): Tensor {
  const fits = key && query.rank >= 3 && key.rank === query.rank && key.shape.at(-1) === query.shape.at(-1);
  if (!fits) throw sampleFaults.companion('queryKeyNorm', 'key', query.shape, key?.shape, `[..., M, ${query.shape.at(-1)}], with the rank (from 3) and the last axis of the queries`);
  return key;
}

/**
 * Normalization of queries and keys: `const { query, key } = layer.forward(q, k)`, and `query.matmul(transposed key)` are the logits.
 * @throws E101; E334 for keys that do not fit the queries
 */
export function queryKeyNorm(options?: QueryKeyNormOptions): QueryKeyNorm {
  return new QueryKeyNorm(options);
}

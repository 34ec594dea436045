/** Where random graphs grow: the nodes so far with their values, and random choices among them. */
import { sameShape, sizeOf } from '../../src/base/index.ts';
import type { DType, Shape } from '../../src/base/index.ts';
import { RandomStream } from '../../src/base/random.ts';
import { build } from '../../src/graph/index.ts';
import type { Dense, Node, RefSlot } from '../../src/graph/index.ts';

/** f32 values beyond this are not grown on: their roundings would drown everything else. */
const LARGEST = 1e4;
const EXTENTS = [1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 8, 9, 11, 12, 13, 16, 17, 19, 24, 31, 32, 33, 48, 65, 96, 130];

export class Garden {
  readonly rng: RandomStream;
  /** Elements of a tensor at most. */
  readonly limit: number;
  readonly nodes: Node[] = [];
  readonly refs: RefSlot[] = [];
  private readonly values_ = new Map<Node, Dense>();
  private readonly refNodes = new Map<RefSlot, Node>();

  constructor(seed: number, limit: number) {
    this.rng = new RandomStream(seed, 'garden');
    this.limit = limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.rng.below(list.length)];
  }

  chance(p: number): boolean {
    return this.rng.uniform() < p;
  }

  /** A node of a dtype, recent ones more often; undefined if there is none. */
  find(dtype: DType, test: (node: Node) => boolean = () => true): Node | undefined {
    const fit = this.nodes.filter((node) => node.dtype === dtype && sizeOf(node.shape) > 0 && test(node));
    if (fit.length === 0) return undefined;
    return this.chance(0.5) ? fit[fit.length - 1 - this.rng.below(Math.min(3, fit.length))] : this.pick(fit);
  }

  /** Extents of rank 0 to 4 within the limit. */
  shape(rank = this.pick([0, 1, 1, 2, 2, 2, 3, 3, 4])): number[] {
    for (;;) {
      const shape = Array.from({ length: rank }, () => this.pick(EXTENTS));
      if (sizeOf(shape) <= this.limit) return shape;
    }
  }

  refNode(slot: RefSlot): Node {
    let node = this.refNodes.get(slot);
    if (!node) this.refNodes.set(slot, (node = build.ref(slot)));
    return node;
  }

  /** Random values for a leaf: f32 that f32 holds exactly, small integers. */
  values({ shape, dtype }: { readonly shape: Shape; readonly dtype: DType }): Float64Array {
    const draw = (): number => {
      switch (dtype) {
        case 'f32': return this.chance(0.1) ? this.rng.below(5) - 2 : Math.fround(4 * this.rng.uniform() - 2);
        case 'i32': return this.rng.below(41) - 20;
        case 'u32': return this.rng.below(1 << 20) * (this.chance(0.2) ? 4096 : 1);
        case 'bool': return this.rng.below(2);
        default: return dtype satisfies never;
      }
    };
    return Float64Array.from({ length: sizeOf(shape) }, draw);
  }

  /** A leaf with values of its own. */
  know(node: Node, values: Float64Array): void {
    this.values_.set(node, { shape: node.shape, data: values });
    this.nodes.push(node);
  }

  valueOf(node: Node): Dense {
    let value = this.values_.get(node);
    if (!value) this.values_.set(node, (value = node.op.reference(node, node.inputs.map((x) => this.valueOf(x)))));
    return value;
  }

  largest(node: Node): number {
    return this.valueOf(node).data.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  }

  /** Whether a node's values, and all they are computed from, are finite and of a size that can be compared. */
  admit(node: Node): boolean {
    const seen = new Set<Node>();
    const tame = (x: Node): boolean => {
      if (seen.has(x) || this.tame.has(x)) return true;
      seen.add(x);
      return sizeOf(x.shape) <= 64 * this.limit && x.inputs.every(tame) && this.isTame(x);
    };
    const ok = tame(node);
    if (ok) for (const x of seen) this.tame.add(x);
    return ok;
  }
  private readonly tame = new Set<Node>();

  private isTame(node: Node): boolean {
    return node.dtype !== 'f32' || this.valueOf(node).data.every((x) => Math.abs(x) <= LARGEST);
  }

  /** Adds a node if it is tame and not too large. */
  add(node: Node): void {
    if (sizeOf(node.shape) <= this.limit && this.admit(node)) this.nodes.push(node);
  }

  /** Weights that differ from element to element. */
  weights(shape: Shape): Node {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => 0.5 + this.rng.uniform());
    return build.constant(data, shape);
  }

  /** x in another shape: broadcast where it fits, else cut or repeated. */
  conform(x: Node, shape: Shape): Node {
    if (sameShape(x.shape, shape)) return x;
    if (broadcasts(x.shape, shape)) return build.broadcastTo(x, shape);
    const [have, want] = [sizeOf(x.shape), sizeOf(shape)];
    const flat = build.reshape(x, [have]);
    if (have >= want) {
      const start = this.rng.below(have - want + 1);
      return build.reshape(build.slice(flat, [start], [start + want]), shape);
    }
    if (have === 0) return build.reshape(build.pad(flat, [want], [0], 1), shape);
    if (this.chance(0.3)) {
      const low = this.rng.below(want - have + 1);
      return build.reshape(build.pad(flat, [low], [want - have - low], 1), shape);
    }
    const times = Math.ceil(want / have);
    const repeated = build.reshape(build.broadcastTo(flat, [times, have]), [times * have]);
    return build.reshape(build.slice(repeated, [0], [want]), shape);
  }

  /** A partner of x: of equal shape where there is one (mostly), else made so. */
  partner(x: Node): Node {
    const same = this.find(x.dtype, (node) => sameShape(node.shape, x.shape));
    if (same && this.chance(0.7)) return same;
    return this.conform(this.find(x.dtype) ?? x, x.shape);
  }

  /** Axes of x, each with probability p, ascending. */
  axes(x: Node, p = 0.5): number[] {
    return x.shape.map((_, axis) => axis).filter(() => this.chance(p));
  }

  permutation(length: number): number[] {
    const order = Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.rng.below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

function broadcasts(from: Shape, to: Shape): boolean {
  if (from.length > to.length) return false;
  return from.every((extent, i) => extent === 1 || extent === to[to.length - from.length + i]);
}

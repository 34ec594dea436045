/** Lowering: the value of one element of a vertex as an expression over loop indices, down to the vertices that have buffers. */
import { InternalError, sizeOf, stridesOf } from '../base/index.ts';
import { monoids } from '../graph/index.ts';
import type { Monoid } from '../graph/index.ts';
import { ix, literal, load } from '../scalar/index.ts';
import type { Expr, Ix, Source } from '../scalar/index.ts';
import { reduceAttrs } from './vertex.ts';
import type { Vertex } from './vertex.ts';

/** Lowers vertices; memoised, so that an element used twice is one expression object. */
export class Lowering {
  private readonly memo = new Map<string, Expr>();
  private readonly sourceOf: (v: Vertex) => Source | undefined;

  /** @param sourceOf the buffer of a vertex that has one */
  constructor(sourceOf: (v: Vertex) => Source | undefined) {
    this.sourceOf = sourceOf;
  }

  /** The element at `index`, read from the vertex's buffer if it has one. */
  cell(v: Vertex, index: readonly Ix[]): Expr {
    const source = this.sourceOf(v);
    if (source) return this.shared(`@${v.id}:${keyOf(index)}`, () => load(source, ix.flatten(index, stridesOf(v.node.shape)), v.node.dtype));
    return this.compute(v, index);
  }

  /** The element at `index`, computed even if the vertex has a buffer (this is what fills it). */
  compute(v: Vertex, index: readonly Ix[]): Expr {
    return this.shared(`${v.id}:${keyOf(index)}`, () => {
      if (v.node.op.kind === 'reduce') return this.unrolled(v, index);
      if (!v.node.op.lower) throw new InternalError(`${v.node.op.name} has no cell`);
      return v.node.op.lower(v.node, v.inputs.map((input) => (at: readonly Ix[]) => this.cell(input, at)), index);
    });
  }

  /** A reduction over a few elements, written out. */
  private unrolled(v: Vertex, index: readonly Ix[]): Expr {
    const { monoid: name, field, axes } = reduceAttrs(v);
    const monoid: Monoid = monoids[name as keyof typeof monoids];
    const input = v.inputs[0];
    const extents = axes.map((a) => input.node.shape[a]);
    const strides = stridesOf(extents);
    const count = sizeOf(extents);
    const values = Array.from({ length: count }, (_, i) => {
      const full: Ix[] = [];
      let kept = 0;
      for (let axis = 0; axis < input.node.shape.length; axis++) {
        const r = axes.indexOf(axis);
        full.push(r < 0 ? index[kept++] : ix.constant(Math.floor(i / strides[r]) % extents[r]));
      }
      return this.cell(input, full);
    });
    let state = monoid.init(values[0], input.node.dtype, literal(0, 'i32'), [values[0], values[Math.floor(count / 3)], values[Math.floor((2 * count) / 3)]]);
    const from = monoid.positional ? 1 : 0;
    values.forEach((x, i) => { if (i >= from) state = monoid.step(state, x, literal(i, 'i32')); });
    return monoid.finish(state, literal(count), field);
  }

  private shared(key: string, make: () => Expr): Expr {
    let e = this.memo.get(key);
    if (!e) this.memo.set(key, (e = make()));
    return e;
  }
}

function keyOf(index: readonly Ix[]): string {
  let key = '';
  for (const i of index) key += `${i.key},`;
  return key;
}

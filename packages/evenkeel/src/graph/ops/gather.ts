import { sizeOf } from '../../base/index.ts';
import { ix } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { checkArity, checkAxis, checkType } from '../check.ts';
import { at, tabulate } from '../dense.ts';
import { faults } from '../faults.ts';
import type { NoAttrs, Op } from '../node.ts';

/**
 * Rows of x by index: x [V, ...rest], indices i32 [...I] -> [...I, ...rest]. An index outside 0 .. V-1 is limited to that range.
 * The gradient adds g's rows up by index, as the product of a one-hot matrix [V, I] with g [I, rest].
 */
export const gather: Op<NoAttrs> = {
  name: 'gather',
  kind: 'map',
  infer(inputs) {
    checkArity('gather', inputs, 2);
    checkType('gather', inputs, 1, ['i32']);
    const [x, indices] = inputs;
    checkAxis('gather', x.shape, 0);
    if (x.shape[0] === 0 && sizeOf(indices.shape) > 0) throw faults.gather(x, indices);
    return { shape: [...indices.shape, ...x.shape.slice(1)], dtype: x.dtype };
  },
  vjp({ inputs: [x, indices] }, g, { minimum, maximum, fullLike, reshape, broadcastTo, iota, eq, cast, dot }) {
    const rows = x.shape[0];
    const count = sizeOf(indices.shape);
    const limited = minimum(maximum(indices, fullLike(indices, 0)), fullLike(indices, rows - 1));
    const positions = broadcastTo(reshape(limited, [1, count]), [rows, count]);
    const oneHot = cast(eq(iota([rows, count], 0), positions), 'f32');
    const sums = dot(oneHot, reshape(g, [count, sizeOf(x.shape.slice(1))]), { batch: 0, contract: 1 });
    return [reshape(sums, x.shape), undefined];
  },
  lower({ inputs: [{ shape }, { shape: outer }] }, [x, indices], index) {
    const row = indices(index.slice(0, outer.length));
    return x([ix.fromData(row, Math.max(1, shape[0]), keyOf(row, new Map())), ...index.slice(outer.length)]);
  },
  reference({ shape, inputs: [{ shape: from }, { shape: outer }] }, [x, indices]) {
    return tabulate(shape, (index) => {
      const row = at(indices, index.slice(0, outer.length));
      return at(x, [Math.max(0, Math.min(from[0] - 1, row)), ...index.slice(outer.length)]);
    });
  },
};

/** A text that is equal for equal expressions, each shared part written once; sources must have names of their own. */
function keyOf(e: Expr, seen: Map<Expr, string>): string {
  const known = seen.get(e);
  if (known !== undefined) return known;
  const name = `$${seen.size}`;
  seen.set(e, name);
  switch (e.kind) {
    case 'const': return `${e.value}:${e.dtype}`;
    case 'load': return `${e.source.name}[${e.ix.key}]`;
    case 'index': return e.ix.key;
    case 'local': return e.name;
    case 'op': return `${e.fn}:${e.dtype}(${e.args.map((a) => keyOf(a, seen)).join(',')})`;
    default: return e satisfies never;
  }
}

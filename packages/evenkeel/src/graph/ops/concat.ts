import { binary, indexValue, ix, literal, select } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { checkAxis, checkOneType } from '../check.ts';
import { at, tabulate } from '../dense.ts';
import { faults } from '../faults.ts';
import type { Op } from '../node.ts';

/** The operands one after another along `axis`; each gets its own part of the gradient. */
export const concat: Op<{ readonly axis: number }> = {
  name: 'concat',
  kind: 'view',
  infer(inputs, { axis }) {
    if (inputs.length === 0) throw faults.arity('concat', '1 or more operands', 0);
    checkOneType('concat', inputs);
    const { shape, dtype } = inputs[0];
    checkAxis('concat', shape, axis);
    const agrees = inputs.every((s) => s.shape.length === shape.length && s.shape.every((extent, d) => d === axis || extent === shape[d]));
    if (!agrees) throw faults.concat(inputs, axis);
    const total = inputs.reduce((sum, s) => sum + s.shape[axis], 0);
    return { shape: shape.map((extent, d) => (d === axis ? total : extent)), dtype };
  },
  vjp({ inputs, attrs: { axis }, shape }, g, { slice }) {
    const zeros = shape.map(() => 0);
    let start = 0;
    return inputs.map((x) => {
      const stop = start + x.shape[axis];
      const part = slice(g, zeros.with(axis, start), shape.with(axis, stop));
      start = stop;
      return part;
    });
  },
  lower({ inputs, attrs: { axis }, dtype }, cells, index) {
    let start = inputs.reduce((sum, x) => sum + x.shape[axis], 0);
    let result: Expr | undefined;
    for (let part = inputs.length - 1; part >= 0; part--) {
      const extent = inputs[part].shape[axis];
      if (extent === 0) continue;
      const below = binary('lt', indexValue(index[axis]), literal(start, 'i32'));
      start -= extent;
      const value = cells[part](index.with(axis, ix.clamp(ix.offset(index[axis], -start), 0, extent - 1)));
      result = result === undefined ? value : select(below, value, result);
    }
    return result ?? literal(0, dtype);
  },
  reference({ attrs: { axis }, shape }, parts) {
    return tabulate(shape, (index) => {
      let i = index[axis];
      let part = 0;
      while (i >= parts[part].shape[axis]) i -= parts[part++].shape[axis];
      return at(parts[part], index.with(axis, i));
    });
  },
};

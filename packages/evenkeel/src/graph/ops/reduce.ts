import { isInteger, sizeOf } from '../../base/index.ts';
import { checkArity, checkAxes, checkType } from '../check.ts';
import { at, saturate, tabulate, wrap } from '../dense.ts';
import { faults } from '../faults.ts';
import { monoids } from '../monoids/index.ts';
import type { Monoid } from '../monoid.ts';
import type { Op } from '../node.ts';

export interface ReduceAttrs {
  /** Name of a monoid: what is gathered over the axes. */
  readonly monoid: string;
  /** Which of its results this is. */
  readonly field: string;
  /** Axes that vanish, ascending. */
  readonly axes: readonly number[];
}

/** One result of a monoid over some axes, which the shape then lacks; what it means is the monoid's. */
export const reduce: Op<ReduceAttrs> = {
  name: 'reduce',
  kind: 'reduce',
  infer(inputs, { monoid: name, field, axes }) {
    checkArity(name, inputs, 1);
    const monoid = monoidNamed(name);
    if (!monoid.fields.includes(field)) throw faults.field(name, 'result', field, monoid.fields);
    checkType(name, inputs, 0, monoid.types);
    const { shape, dtype } = inputs[0];
    checkAxes(name, shape, axes);
    return { shape: shape.filter((_, axis) => !axes.includes(axis)), dtype: monoid.fieldType(field, dtype) };
  },
  vjp(node, g, build) {
    const { monoid, field, axes } = node.attrs;
    return [monoidNamed(monoid).vjp(node.inputs[0], node, axes, field, g, build)];
  },
  reference({ attrs: { monoid: name, field, axes }, shape, dtype, inputs: [from] }, [x]) {
    const monoid = monoidNamed(name);
    const kept = from.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
    const walked = axes.map((axis) => from.shape[axis]);
    const source = new Array<number>(from.shape.length).fill(0);
    return tabulate(shape, (index) => {
      kept.forEach((axis, position) => (source[axis] = index[position]));
      const values = tabulate(walked, (inner) => {
        axes.forEach((axis, position) => (source[axis] = inner[position]));
        return at(x, source);
      }).data;
      if (sizeOf(walked) === 0) return saturate(monoid.empty(field), dtype);
      const value = monoid.reference(values, field, from.dtype);
      return isInteger(dtype) ? wrap(value, dtype) : value;
    });
  },
};

/** @throws E218 if there is none of that name. */
function monoidNamed(name: string): Monoid {
  if (!Object.hasOwn(monoids, name)) throw faults.field('reduce', 'reduction', name, Object.keys(monoids));
  return monoids[name as keyof typeof monoids];
}

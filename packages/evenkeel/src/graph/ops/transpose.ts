import { checkArity } from '../check.ts';
import { at, tabulate } from '../dense.ts';
import { faults } from '../faults.ts';
import type { Op } from '../node.ts';

/** Axis a of the result is axis `order[a]` of x. */
export const transpose: Op<{ readonly order: readonly number[] }> = {
  name: 'transpose',
  kind: 'view',
  infer(inputs, { order }) {
    checkArity('transpose', inputs, 1);
    const { shape, dtype } = inputs[0];
    if (order.length !== shape.length || shape.some((_, axis) => !order.includes(axis))) throw faults.transpose(shape, order);
    return { shape: order.map((axis) => shape[axis]), dtype };
  },
  vjp: ({ attrs }, g, { transpose: permute }) => [permute(g, inverse(attrs.order))],
  lower: ({ attrs }, [x], index) => x(inverse(attrs.order).map((axis) => index[axis])),
  reference: ({ attrs, shape }, [x]) => tabulate(shape, (index) => at(x, inverse(attrs.order).map((axis) => index[axis]))),
};

function inverse(order: readonly number[]): number[] {
  return order.map((_, axis) => order.indexOf(axis));
}

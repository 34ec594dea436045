import type { Shape } from '../../base/index.ts';
import { ix } from '../../scalar/index.ts';
import { checkArity } from '../check.ts';
import { at, tabulate } from '../dense.ts';
import { faults } from '../faults.ts';
import type { Op } from '../node.ts';

/** Repeats x along its axes of extent 1 until it has `shape`, which must have the same rank; the gradient is summed over them. */
export const broadcast: Op<{ readonly shape: Shape }> = {
  name: 'broadcast',
  kind: 'view',
  infer(inputs, { shape }) {
    checkArity('broadcast', inputs, 1);
    const from = inputs[0].shape;
    if (from.length !== shape.length || from.some((extent, axis) => extent !== 1 && extent !== shape[axis])) throw faults.broadcast(from, shape);
    return { shape, dtype: inputs[0].dtype };
  },
  vjp({ inputs: [x], shape }, g, { reduce, reshape }) {
    const stretched = x.shape.flatMap((extent, axis) => (extent === shape[axis] ? [] : [axis]));
    return [stretched.length === 0 ? g : reshape(reduce(g, 'sum', 'value', stretched), x.shape)];
  },
  lower: ({ inputs: [{ shape }] }, [x], index) => x(index.map((i, axis) => (shape[axis] === 1 ? ix.constant(0) : i))),
  reference: ({ shape, inputs: [from] }, [x]) =>
    tabulate(shape, (index) => at(x, index.map((i, axis) => (from.shape[axis] === 1 ? 0 : i)))),
};

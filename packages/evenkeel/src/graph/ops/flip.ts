import { ix } from '../../scalar/index.ts';
import { checkArity, checkAxes } from '../check.ts';
import { at, tabulate } from '../dense.ts';
import type { Op } from '../node.ts';

/** x backwards along `axes`; the gradient flips back. */
export const flip: Op<{ readonly axes: readonly number[] }> = {
  name: 'flip',
  kind: 'view',
  infer(inputs, { axes }) {
    checkArity('flip', inputs, 1);
    checkAxes('flip', inputs[0].shape, axes);
    return { shape: inputs[0].shape, dtype: inputs[0].dtype };
  },
  vjp: ({ attrs }, g, { flip: back }) => [back(g, attrs.axes)],
  lower: ({ attrs, shape }, [x], index) =>
    x(index.map((i, axis) => (attrs.axes.includes(axis) ? ix.offset(ix.scale(i, -1), shape[axis] - 1) : i))),
  reference: ({ attrs, shape }, [x]) =>
    tabulate(shape, (index) => at(x, index.map((i, axis) => (attrs.axes.includes(axis) ? shape[axis] - 1 - i : i)))),
};

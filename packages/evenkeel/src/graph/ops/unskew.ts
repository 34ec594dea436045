import { sizeOf } from '../../base/index.ts';
import { binary, FALSE, indexValue, ix, literal, select, TRUE, within } from '../../scalar/index.ts';
import type { Expr, Ix } from '../../scalar/index.ts';
import { at, tabulate } from '../dense.ts';
import type { Op } from '../node.ts';
import { inferWindows } from '../windows.ts';
import type { UnskewAttrs } from '../windows.ts';

/**
 * The adjoint of skew: y[h at axis, k at window] = x[o at axis, k at window] with o = (h + padding - k * dilation) / stride
 * where that is a whole number in 0 .. out-1, else 0. Its gradient is skew.
 */
export const unskew: Op<UnskewAttrs> = {
  name: 'unskew',
  kind: 'view',
  infer: (inputs, attrs) => inferWindows('unskew', inputs, attrs, attrs.size),
  vjp({ attrs: { size: _, ...attrs } }, g, { skew }) {
    return [skew(g, attrs)];
  },
  lower({ attrs, inputs: [{ shape, dtype }] }, [x], index) {
    const { axis, window, stride, dilation, padding } = attrs;
    if (sizeOf(shape) === 0) return literal(0, dtype);
    const reach = ix.offset(ix.add(index[axis], ix.scale(index[window], -dilation)), padding);
    const position = ix.div(reach, stride);
    const hit = binary('and', isZero(ix.mod(reach, stride)), within(position, 0, shape[axis]));
    return select(hit, x(index.with(axis, ix.clamp(position, 0, shape[axis] - 1))), literal(0, dtype));
  },
  reference({ attrs, shape, inputs: [from] }, [x]) {
    const { axis, window, stride, dilation, padding } = attrs;
    return tabulate(shape, (index) => {
      const position = (index[axis] + padding - index[window] * dilation) / stride;
      return Number.isInteger(position) && position >= 0 && position < from.shape[axis] ? at(x, index.with(axis, position)) : 0;
    });
  },
};

function isZero(i: Ix): Expr {
  if (i.terms.length === 0) return i.constant === 0 ? TRUE : FALSE;
  return binary('eq', indexValue(i), literal(0, 'i32'));
}

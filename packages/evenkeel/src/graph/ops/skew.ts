import { sizeOf } from '../../base/index.ts';
import { ix, literal, select, within } from '../../scalar/index.ts';
import { at, tabulate } from '../dense.ts';
import type { Op } from '../node.ts';
import { inferWindows } from '../windows.ts';
import type { WindowAttrs } from '../windows.ts';

/**
 * Sliding windows: y[o at axis, k at window] = x[o * stride + k * dilation - padding at axis, k at window], 0 outside x.
 * Ordinary windows of x are skew(x broadcast over a new window axis). Its gradient is unskew.
 */
export const skew: Op<WindowAttrs> = {
  name: 'skew',
  kind: 'view',
  infer: (inputs, attrs) => inferWindows('skew', inputs, attrs, attrs.out),
  vjp: ({ inputs: [x], attrs }, g, { unskew }) => [unskew(g, { ...attrs, size: x.shape[attrs.axis] })],
  lower({ attrs, inputs: [{ shape, dtype }] }, [x], index) {
    const { axis, window, stride, dilation, padding } = attrs;
    if (sizeOf(shape) === 0) return literal(0, dtype);
    const position = ix.offset(ix.add(ix.scale(index[axis], stride), ix.scale(index[window], dilation)), -padding);
    const value = x(index.with(axis, ix.clamp(position, 0, shape[axis] - 1)));
    return select(within(position, 0, shape[axis]), value, literal(0, dtype));
  },
  reference({ attrs, shape, inputs: [from] }, [x]) {
    const { axis, window, stride, dilation, padding } = attrs;
    return tabulate(shape, (index) => {
      const position = index[axis] * stride + index[window] * dilation - padding;
      return position >= 0 && position < from.shape[axis] ? at(x, index.with(axis, position)) : 0;
    });
  },
};

import { ix, literal, select, TRUE, binary, within } from '../../scalar/index.ts';
import { sizeOf } from '../../base/index.ts';
import { checkArity, checkPerAxis } from '../check.ts';
import { at, saturate, tabulate } from '../dense.ts';
import { formatNumber } from '../format-number.ts';
import type { Op } from '../node.ts';

export interface PadAttrs {
  /** Elements before and after, per axis; 0 or more. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly value: number;
}

/** x with a border of `value`; the gradient is cut back to x. */
export const pad: Op<PadAttrs> = {
  name: 'pad',
  kind: 'view',
  infer(inputs, { low, high }) {
    checkArity('pad', inputs, 1);
    const { shape, dtype } = inputs[0];
    checkPerAxis('pad', shape, 'low', low);
    checkPerAxis('pad', shape, 'high', high);
    return { shape: shape.map((extent, axis) => low[axis] + extent + high[axis]), dtype };
  },
  vjp({ inputs: [x], attrs }, g, { slice }) {
    return [slice(g, attrs.low, attrs.low.map((low, axis) => low + x.shape[axis]))];
  },
  lower({ attrs, inputs: [{ shape, dtype }] }, [x], index) {
    const border = literal(saturate(attrs.value, dtype), dtype);
    if (sizeOf(shape) === 0) return border;
    const moved = index.map((i, axis) => ix.offset(i, -attrs.low[axis]));
    const inside = moved.map((i, axis) => within(i, 0, shape[axis])).reduce((all, one) => binary('and', all, one), TRUE);
    return select(inside, x(moved.map((i, axis) => ix.clamp(i, 0, shape[axis] - 1))), border);
  },
  reference({ attrs, shape, inputs: [from] }, [x]) {
    const border = saturate(attrs.value, from.dtype);
    return tabulate(shape, (index) => {
      const moved = index.map((i, axis) => i - attrs.low[axis]);
      return moved.every((i, axis) => i >= 0 && i < from.shape[axis]) ? at(x, moved) : border;
    });
  },
  key: ({ low, high, value }) => `${low}|${high}|${formatNumber(value)}`,
};

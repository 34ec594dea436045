import type { Shape } from '../../base/index.ts';
import { indexValue } from '../../scalar/index.ts';
import { checkAxis } from '../check.ts';
import { tabulate } from '../dense.ts';
import type { Op } from '../node.ts';

/** The position along `axis`, 0, 1, 2 ... as i32. */
export const iota: Op<{ readonly shape: Shape; readonly axis: number }> = {
  name: 'iota',
  kind: 'source',
  infer(_, { shape, axis }) {
    checkAxis('iota', shape, axis);
    return { shape, dtype: 'i32' };
  },
  vjp: () => [],
  lower: ({ attrs }, _, index) => indexValue(index[attrs.axis]),
  reference: ({ attrs: { shape, axis } }) => tabulate(shape, (index) => index[axis]),
};

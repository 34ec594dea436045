import { sizeOf } from '../../base/index.ts';
import { literal } from '../../scalar/index.ts';
import { saturate } from '../dense.ts';
import { formatNumber } from '../format-number.ts';
import type { Op, Spec } from '../node.ts';

/** One value everywhere. */
export const full: Op<Spec & { readonly value: number }> = {
  name: 'full',
  kind: 'source',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  vjp: () => [],
  lower: ({ attrs }) => literal(saturate(attrs.value, attrs.dtype), attrs.dtype),
  reference: ({ attrs: { value, shape, dtype } }) => ({ shape, data: new Float64Array(sizeOf(shape)).fill(saturate(value, dtype)) }),
  key: ({ value, shape, dtype }) => `${dtype}[${shape}]${formatNumber(value)}`,
};

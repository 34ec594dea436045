import { sizeOf } from '../../base/index.ts';
import type { TypedArray } from '../../base/index.ts';
import { dense } from '../dense.ts';
import { faults } from '../faults.ts';
import { formatNumber } from '../format-number.ts';
import type { Op, Spec } from '../node.ts';

/** Values known while tracing, row-major. */
export const constant: Op<Spec & { readonly data: TypedArray }> = {
  name: 'constant',
  kind: 'source',
  infer(_, { data, shape, dtype }) {
    if (data.length !== sizeOf(shape)) throw faults.data('constant', shape, data.length, sizeOf(shape));
    return { shape, dtype };
  },
  vjp: () => [],
  reference: ({ attrs }) => dense(attrs.shape, attrs.data),
  key: ({ data, shape, dtype }) => `${dtype}[${shape}]${data.length <= 16 ? [...data].map(formatNumber).join() : digest(data)}`,
};

/** Two 32-bit FNV-1a hashes of the bytes, from different offsets. */
function digest(data: TypedArray): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let a = 0x811c9dc5;
  let b = 0x2f6e2b1;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b) + (a >>> 15);
  }
  return `#${a >>> 0}.${b >>> 0}`;
}

import { sizeOf, stridesOf } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { ix } from '../../scalar/index.ts';
import { checkArity } from '../check.ts';
import { faults } from '../faults.ts';
import type { Op } from '../node.ts';

/** The same elements in row-major order under another shape. */
export const reshape: Op<{ readonly shape: Shape }> = {
  name: 'reshape',
  kind: 'view',
  infer(inputs, { shape }) {
    checkArity('reshape', inputs, 1);
    const sizes = [sizeOf(inputs[0].shape), sizeOf(shape)] as const;
    if (sizes[0] !== sizes[1]) throw faults.reshape(inputs[0].shape, shape, sizes);
    return { shape, dtype: inputs[0].dtype };
  },
  vjp: ({ inputs: [x] }, g, { reshape: to }) => [to(g, x.shape)],
  lower({ inputs: [{ shape }], shape: out }, [x], index) {
    if (sizeOf(shape) === 0) return x(shape.map(() => ix.constant(0)));
    return x(ix.unflatten(ix.flatten(index, stridesOf(out)), shape, stridesOf(shape)));
  },
  reference: (node, [x]) => ({ shape: node.shape, data: x.data }),
};

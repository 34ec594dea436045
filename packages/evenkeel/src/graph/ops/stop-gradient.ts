import { checkArity } from '../check.ts';
import type { NoAttrs, Op } from '../node.ts';

/** x, through which no gradient flows. */
export const stopGradient: Op<NoAttrs> = {
  name: 'stopGradient',
  kind: 'wrap',
  infer(inputs) {
    checkArity('stopGradient', inputs, 1);
    return { shape: inputs[0].shape, dtype: inputs[0].dtype };
  },
  vjp: () => [undefined],
  lower: (_, [x], index) => x(index),
  reference: (_, [x]) => x,
};

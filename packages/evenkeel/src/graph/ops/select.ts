import { select as selectExpr } from '../../scalar/index.ts';
import { checkArity, checkOneShape, checkOneType, checkType } from '../check.ts';
import { mapElements } from '../dense.ts';
import type { NoAttrs, Op } from '../node.ts';

/** a where the condition holds, else b; each gets the gradient of the elements it gave. */
export const select: Op<NoAttrs> = {
  name: 'select',
  kind: 'map',
  infer(inputs) {
    checkArity('select', inputs, 3);
    checkType('select', inputs, 0, ['bool']);
    checkOneType('select', inputs.slice(1));
    checkOneShape('select', inputs);
    return { shape: inputs[1].shape, dtype: inputs[1].dtype };
  },
  vjp({ inputs: [condition] }, g, { select: choose, fullLike }) {
    const zero = fullLike(g, 0);
    return [undefined, choose(condition, g, zero), choose(condition, zero, g)];
  },
  lower: (_, [condition, a, b], index) => selectExpr(condition(index), a(index), b(index)),
  reference: (node, inputs) => mapElements(node, inputs, (condition, a, b) => (condition !== 0 ? a : b)),
};

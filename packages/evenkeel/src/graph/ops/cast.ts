import { isInteger } from '../../base/index.ts';
import type { DType } from '../../base/index.ts';
import { cast as castExpr } from '../../scalar/index.ts';
import { checkArity } from '../check.ts';
import { mapElements, saturate, wrap } from '../dense.ts';
import type { Op } from '../node.ts';

/**
 * Another dtype for the same values. f32 to an integer truncates toward zero and stays within its range (NaN is 0); i32 and u32
 * exchange their bits; anything to bool is `!= 0`. A gradient flows from f32 to f32 only.
 */
export const cast: Op<{ readonly dtype: DType }> = {
  name: 'cast',
  kind: 'map',
  infer(inputs, { dtype }) {
    checkArity('cast', inputs, 1);
    return { shape: inputs[0].shape, dtype };
  },
  vjp: ({ inputs: [x], dtype }, g) => [x.dtype === 'f32' && dtype === 'f32' ? g : undefined],
  lower: ({ attrs }, [x], index) => castExpr(x(index), attrs.dtype),
  reference: (node, inputs) => {
    const to = isInteger(node.inputs[0].dtype) ? wrap : saturate;
    return mapElements({ shape: node.shape, dtype: 'f32' }, inputs, (x) => to(x, node.dtype));
  },
};

import { binary, literal } from '../../scalar/index.ts';
import { SIGNED } from '../check.ts';
import { unaryOp } from '../elementwise.ts';

/** max(x, 0), NaN at NaN; relu'(0) = 0. The gradient reads the output, so that the input need not be kept. */
export const relu = unaryOp({
  name: 'relu',
  types: SIGNED,
  lower: (x) => binary('max', x, literal(0, x.dtype)),
  vjp: ({ y, g }, { select, lt, fullLike }) => select(lt(fullLike(y, 0), y), g, fullLike(g, 0)),
  reference: (x) => Math.max(x, 0),
});

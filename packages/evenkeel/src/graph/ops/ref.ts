import { InternalError } from '../../base/index.ts';
import type { Op, Spec } from '../node.ts';

/** Storage that outlives a run: a parameter or a running statistic. Two of them are the same exactly if they are one object. */
export interface RefSlot extends Spec { readonly name: string }

/** The value of a RefSlot before the step. Compare `attrs.ref` by identity: names may repeat. */
export const ref: Op<{ readonly ref: RefSlot }> = {
  name: 'ref',
  kind: 'source',
  infer: (_, { ref: slot }) => ({ shape: slot.shape, dtype: slot.dtype }),
  vjp: () => [],
  reference: ({ attrs }) => {
    throw new InternalError(`ref ${attrs.ref.name} is bound by the evaluator, not computed`);
  },
  key: ({ ref: slot }) => slot.name,
};

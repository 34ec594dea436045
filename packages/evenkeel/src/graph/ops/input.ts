import { InternalError } from '../../base/index.ts';
import type { Op, Spec } from '../node.ts';

/** A value that the caller hands over at every run, by slot. */
export const input: Op<Spec & { readonly slot: number }> = {
  name: 'input',
  kind: 'source',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  vjp: () => [],
  reference: ({ attrs }) => {
    throw new InternalError(`input ${attrs.slot} is bound by the evaluator, not computed`);
  },
};

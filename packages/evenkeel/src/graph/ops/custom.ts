import { faults } from '../faults.ts';
import type { Node, Op } from '../node.ts';

export interface CustomAttrs {
  /** Cotangents of xs from that of y; undefined where none flows. */
  readonly vjp: (g: Node, y: Node, xs: readonly Node[]) => readonly (Node | undefined)[];
}

/** y, computed from xs by other nodes, with a gradient of its own: inputs [y, ...xs]. */
export const custom: Op<CustomAttrs> = {
  name: 'custom',
  kind: 'wrap',
  infer(inputs) {
    if (inputs.length < 2) throw faults.arity('custom', 'a value and the operands it came from', inputs.length);
    return { shape: inputs[0].shape, dtype: inputs[0].dtype };
  },
  vjp(node, g) {
    const xs = node.inputs.slice(1);
    const given = node.attrs.vjp(g, node, xs);
    if (given.length !== xs.length) throw faults.arity('custom', `a gradient for each of ${xs.length} operands`, given.length);
    return [undefined, ...given];
  },
  lower: (_, [y], index) => y(index),
  reference: (_, [y]) => y,
  key: () => '',
};

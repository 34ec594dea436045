import { sizeOf } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { checkArity, checkOneType, checkType, FLOAT } from '../check.ts';
import { faults } from '../faults.ts';
import type { Build, Node, Op, Spec } from '../node.ts';

export interface DotAttrs {
  /** How many leading axes go in parallel. */
  readonly batch: number;
  /** How many axes are summed over: the last of a, and those after the batch of b. */
  readonly contract: number;
}

/**
 * Matrix product in every number of axes: a [batch..., M..., K...], b [batch..., K..., N...] -> [batch..., M..., N...], f32.
 * Gradients: g b^T and a^T g.
 */
export const dot: Op<DotAttrs> = {
  name: 'dot',
  kind: 'contract',
  infer(inputs, attrs) {
    checkArity('dot', inputs, 2);
    checkOneType('dot', inputs);
    checkType('dot', inputs, 0, FLOAT);
    checkInner(inputs, attrs);
    const { batch, rows, columns } = split(inputs[0].shape, inputs[1].shape, attrs);
    return { shape: [...batch, ...rows, ...columns], dtype: 'f32' };
  },
  vjp({ inputs: [a, b], attrs: { batch, contract } }, g, build) {
    const rows = a.shape.length - batch - contract;
    const columns = b.shape.length - batch - contract;
    return [
      build.dot(g, swap(b, batch, contract, build), { batch, contract: columns }),
      build.dot(swap(a, batch, rows, build), g, { batch, contract: rows }),
    ];
  },
  reference(node, [a, b]) {
    const { batch, rows, columns, inner } = split(a.shape, b.shape, node.attrs);
    const [B, M, N, K] = [batch, rows, columns, inner].map(sizeOf);
    const data = new Float64Array(B * M * N);
    for (let m = 0; m < B * M; m++) {
      const block = Math.floor(m / M) * K;
      for (let k = 0; k < K; k++) {
        for (let n = 0; n < N; n++) data[m * N + n] += a.data[m * K + k] * b.data[(block + k) * N + n];
      }
    }
    return { shape: node.shape, data };
  },
};

function split(a: Shape, b: Shape, { batch, contract }: DotAttrs): { batch: Shape; rows: Shape; columns: Shape; inner: Shape } {
  return {
    batch: a.slice(0, batch),
    rows: a.slice(batch, a.length - contract),
    columns: b.slice(batch + contract),
    inner: b.slice(batch, batch + contract),
  };
}

/** Exchanges the first `count` axes after the batch with the rest. */
function swap(x: Node, batch: number, count: number, build: Build): Node {
  const axes = x.shape.map((_, axis) => axis);
  return build.transpose(x, [...axes.slice(0, batch), ...axes.slice(batch + count), ...axes.slice(batch, batch + count)]);
}

function checkInner(inputs: readonly Spec[], { batch, contract }: DotAttrs): void {
  const [a, b] = inputs.map((s) => s.shape);
  if (Math.min(a.length, b.length) < batch + contract) {
    const needed = `${batch} batch and ${contract} inner axes`;
    throw faults.dot('operands need all batch and inner axes', inputs, needed, `give both a rank of ${batch + contract} or more`);
  }
  for (let axis = 0; axis < batch; axis++) {
    if (a[axis] !== b[axis]) throw faults.dot('batch axes must agree', inputs, clash(a, axis, b, axis), 'broadcast the batch axes to one shape');
  }
  for (let k = 0; k < contract; k++) {
    const axis = a.length - contract + k;
    const hint = `give b ${a[axis]} at axis ${batch + k}, or reshape or transpose an operand`;
    if (a[axis] !== b[batch + k]) throw faults.dot('inner axes must agree', inputs, clash(a, axis, b, batch + k), hint);
  }
}

function clash(a: Shape, axisA: number, b: Shape, axisB: number): string {
  return `${a[axisA]} (a, axis ${axisA}) != ${b[axisB]} (b, axis ${axisB})`;
}

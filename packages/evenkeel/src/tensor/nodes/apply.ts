/** Making nodes where the user's code is: the path in the model comes from the trace. */
import type { DType, Shape, TypedArray } from '../../base/index.ts';
import { make, ops } from '../../graph/index.ts';
import type { Node, Op } from '../../graph/index.ts';
import { currentTrace } from '../../runtime/index.ts';

/** A number stands for a tensor of its other operand's dtype that holds it everywhere. */
export type Operand = Node | number;

export function apply<A>(op: Op<A>, inputs: readonly Node[], attrs: A): Node {
  return make(op, inputs, attrs, currentTrace().where()) as Node;
}

export function full(value: number, shape: Shape = [], dtype: DType = 'f32'): Node {
  return apply(ops.full, [], { value, shape, dtype });
}

export function fullLike(x: Node, value: number): Node {
  return full(value, x.shape, x.dtype);
}

export function constant(data: TypedArray, shape: Shape, dtype: DType): Node {
  return apply(ops.constant, [], { data, shape, dtype });
}

/** 0, 1, 2 ... along `axis`, i32. */
export function iota(shape: Shape, axis: number): Node {
  return apply(ops.iota, [], { shape, axis });
}

export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : apply(ops.cast, [x], { dtype });
}

/** The value of x that no gradient flows through. */
export function stopGradient(x: Node): Node {
  return apply(ops.stopGradient, [x], {});
}

/** y, computed from xs, with a gradient of its own: `vjp` gives the cotangents of xs (undefined where none flows). */
export function withGradient(y: Node, xs: readonly Node[], vjp: (g: Node, y: Node, xs: readonly Node[]) => readonly (Node | undefined)[]): Node {
  return apply(ops.custom, [y, ...xs], { vjp });
}

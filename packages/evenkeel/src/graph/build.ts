/** Nodes in the words of mathematics: what gradients are written with. Every operand has its final shape and dtype already. */
import { sameShape } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import { make } from './node.ts';
import type { NoAttrs, Node, Op } from './node.ts';
import { ops } from './ops/index.ts';
import type { CustomAttrs, DotAttrs, RandomAttrs, RefSlot } from './ops/index.ts';
import type { UnskewAttrs, WindowAttrs } from './windows.ts';

type Unary = (x: Node) => Node;
type Binary = (a: Node, b: Node) => Node;

const unary = (op: Op<NoAttrs>): Unary => (x) => make(op, [x], {});
const binary = (op: Op<NoAttrs>): Binary => (a, b) => make(op, [a, b], {});

export const neg = unary(ops.neg);
export const abs = unary(ops.abs);
export const sign = unary(ops.sign);
export const exp = unary(ops.exp);
export const expm1 = unary(ops.expm1);
export const log = unary(ops.log);
export const log1p = unary(ops.log1p);
export const sqrt = unary(ops.sqrt);
export const sin = unary(ops.sin);
export const cos = unary(ops.cos);
export const tanh = unary(ops.tanh);
export const sigmoid = unary(ops.sigmoid);
export const erf = unary(ops.erf);
export const floor = unary(ops.floor);
export const ceil = unary(ops.ceil);
export const round = unary(ops.round);
export const not = unary(ops.not);
export const relu = unary(ops.relu);
export const stopGradient = unary(ops.stopGradient);

export const add = binary(ops.add);
export const sub = binary(ops.sub);
export const mul = binary(ops.mul);
export const div = binary(ops.div);
export const mod = binary(ops.mod);
export const pow = binary(ops.pow);
export const minimum = binary(ops.minimum);
export const maximum = binary(ops.maximum);
export const lt = binary(ops.lt);
export const le = binary(ops.le);
export const eq = binary(ops.eq);
export const and = binary(ops.and);
export const or = binary(ops.or);
export const xor = binary(ops.xor);
export const shl = binary(ops.shl);
export const shr = binary(ops.shr);

/** x [V, ...rest], indices i32 [...I] -> [...I, ...rest]. */
export const gather = binary(ops.gather);

/** a where the condition holds, else b. */
export function select(condition: Node, a: Node, b: Node): Node {
  return make(ops.select, [condition, a, b], {});
}

/** x itself if it has the dtype already. */
export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : make(ops.cast, [x], { dtype });
}

/** x itself if it has the shape already. */
export function reshape(x: Node, shape: Shape): Node {
  return sameShape(x.shape, shape) ? x : make(ops.reshape, [x], { shape });
}

export function transpose(x: Node, order: readonly number[]): Node {
  return make(ops.transpose, [x], { order });
}

/** NumPy's broadcasting: axes are aligned at the last one, and those of extent 1 or missing in front stretch. */
export function broadcastTo(x: Node, shape: Shape): Node {
  const aligned = reshape(x, [...shape.slice(0, shape.length - x.shape.length).fill(1), ...x.shape]);
  return sameShape(aligned.shape, shape) ? aligned : make(ops.broadcast, [aligned], { shape });
}

/** The adjoint of broadcastTo: sums over the axes in which x is larger than `shape`. */
export function sumTo(x: Node, shape: Shape): Node {
  const missing = x.shape.length - shape.length;
  const axes = x.shape.flatMap((extent, axis) => (axis < missing || shape[axis - missing] !== extent ? [axis] : []));
  return reshape(axes.length === 0 ? x : reduce(x, 'sum', 'value', axes), shape);
}

/** Puts back the axes that a reduction dropped, and repeats along them to `shape`. */
export function expand(x: Node, shape: Shape, axes: readonly number[]): Node {
  return broadcastTo(reshape(x, shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))), shape);
}

export function slice(x: Node, start: readonly number[], stop: readonly number[], step: readonly number[] = start.map(() => 1)): Node {
  return make(ops.slice, [x], { start, stop, step });
}

/** x with a border of `value`. */
export function pad(x: Node, low: readonly number[], high: readonly number[], value = 0): Node {
  return make(ops.pad, [x], { low, high, value });
}

export function concat(parts: readonly Node[], axis: number): Node {
  return make(ops.concat, parts, { axis });
}

export function flip(x: Node, axes: readonly number[]): Node {
  return make(ops.flip, [x], { axes });
}

export function skew(x: Node, attrs: WindowAttrs): Node {
  return make(ops.skew, [x], attrs);
}

export function unskew(x: Node, attrs: UnskewAttrs): Node {
  return make(ops.unskew, [x], attrs);
}

/** A field of a monoid over ascending axes, which vanish. */
export function reduce(x: Node, monoid: string, field: string, axes: readonly number[]): Node {
  return make(ops.reduce, [x], { monoid, field, axes });
}

/** Matrix product: a [batch..., M..., K...], b [batch..., K..., N...] -> [batch..., M..., N...]. */
export function dot(a: Node, b: Node, attrs: DotAttrs): Node {
  return make(ops.dot, [a, b], attrs);
}

/** One value everywhere. */
export function full(value: number, shape: Shape, dtype: DType = 'f32'): Node {
  return make(ops.full, [], { value, shape, dtype });
}

/** One value in the shape and dtype of x. */
export function fullLike(x: Node, value: number): Node {
  return make(ops.full, [], { value, shape: x.shape, dtype: x.dtype }, x.where);
}

/** Positions along an axis, i32. */
export function iota(shape: Shape, axis: number): Node {
  return make(ops.iota, [], { shape, axis });
}

export function constant(data: TypedArray, shape: Shape, dtype: DType = 'f32'): Node {
  return make(ops.constant, [], { data, shape, dtype });
}

export function input(slot: number, shape: Shape, dtype: DType = 'f32'): Node {
  return make(ops.input, [], { slot, shape, dtype });
}

export function ref(slot: RefSlot): Node {
  return make(ops.ref, [], { ref: slot });
}

/** Random u32 bits; `step` is a u32 scalar. */
export function random(step: Node, attrs: RandomAttrs): Node {
  return make(ops.random, [step], attrs);
}

/** y with a gradient of its own towards xs. */
export function custom(y: Node, xs: readonly Node[], vjp: CustomAttrs['vjp']): Node {
  return make(ops.custom, [y, ...xs], { vjp });
}

/** Elementwise functions with broadcasting. */
import { broadcastShapes, isInteger, sameShape } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { ops } from '../../graph/index.ts';
import type { Node, Op } from '../../graph/index.ts';
import { apply, full, fullLike, stopGradient } from './apply.ts';
import type { Operand } from './apply.ts';
import { faults } from './faults.ts';
import { broadcastTo } from './shape.ts';

type Binary = (a: Operand, b: Operand) => Node;
type Unary = (x: Node) => Node;
type MapOp = Op<Readonly<Record<string, never>>>;

function binary(op: MapOp): Binary {
  return (a, b) => apply(op, together(op.name, a, b), {});
}
function unary(op: MapOp): Unary {
  return (x) => apply(op, [x], {});
}

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
export const gt: Binary = (a, b) => lt(b, a);
export const ge: Binary = (a, b) => le(b, a);
export const ne: Binary = (a, b) => not(eq(a, b));

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
export const square: Unary = (x) => mul(x, x);
export const rsqrt: Unary = (x) => div(1, sqrt(x));

/** x limited to low .. high; the gradient is 0 where it was limited. */
export function clip(x: Node, low: number, high: number): Node {
  if (!(low <= high)) throw faults.option('clip', 'low', 'must not be above high', [low, high], 'swap the limits');
  const inside = and(le(low, x), le(x, high));
  return where(inside, x, stopGradient(minimum(maximum(x, low), high)));
}

/** condition ? a : b, element by element. */
export function where(condition: Node, a: Operand, b: Operand): Node {
  if (condition.dtype !== 'bool') throw faults.dtype('where', condition, ['bool']);
  const [x, y] = together('where', a, b);
  const shape = common('where', condition.shape, x.shape);
  return apply(ops.select, [broadcastTo(condition, shape), broadcastTo(x, shape), broadcastTo(y, shape)], {});
}

/** Both operands as nodes of one shape. @throws E201, E210 */
export function together(op: string, a: Operand, b: Operand): [Node, Node] {
  if (typeof a === 'number') return typeof b === 'number' ? [full(a), full(b)] : [like(op, b, a), b];
  if (typeof b === 'number') return [a, like(op, a, b)];
  if (a.dtype !== b.dtype) throw faults.mixed(op, a, b);
  const shape = common(op, a.shape, b.shape);
  return [broadcastTo(a, shape), broadcastTo(b, shape)];
}

function common(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const shape = broadcastShapes(a, b);
  if (!shape) throw faults.broadcast(op, a, b);
  return shape;
}

function like(op: string, x: Node, value: number): Node {
  if (isInteger(x.dtype) && !Number.isInteger(value)) throw faults.fraction(op, value, x.dtype);
  return fullLike(x, value);
}

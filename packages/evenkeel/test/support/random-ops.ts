/** One step of growth of a random graph: any op, on operands that keep it away from poles. */
import { sizeOf } from '../../src/base/index.ts';
import type { DType } from '../../src/base/index.ts';
import { build, monoids } from '../../src/graph/index.ts';
import type { Monoid, Node } from '../../src/graph/index.ts';
import type { Garden } from './garden.ts';

const b = build;

/** Adds one node (and what it needs) to the garden; `step` is the counter of random draws. */
export function growOne(garden: Garden, step: Node): void {
  const kinds = [map, map, map, map, view, view, view, reduce, reduce, product, windows, rows, indexing, other];
  const made = garden.pick(kinds)(garden, step);
  if (made) garden.add(made);
}

/** x kept within -1 .. 1 if it is larger than `limit`. */
function within(garden: Garden, x: Node, limit: number): Node {
  return garden.largest(x) <= limit ? x : b.tanh(x);
}

/** |x| + low. */
function away(x: Node, low: number): Node {
  return b.add(b.abs(x), b.fullLike(x, low));
}

function map(garden: Garden): Node | undefined {
  const dtype = garden.pick<DType>(['f32', 'f32', 'f32', 'f32', 'i32', 'u32', 'bool']);
  const x = garden.find(dtype);
  if (!x) return undefined;
  const unary = garden.chance(0.4);
  switch (dtype) {
    case 'f32': return unary ? floatUnary(garden, x) : floatBinary(garden, x, garden.partner(x));
    case 'i32': return unary ? garden.pick([b.neg, b.abs, b.sign])(x) : integer(garden, x, garden.partner(x));
    case 'u32': return unary ? garden.pick([b.abs, b.sign])(x) : integer(garden, x, garden.partner(x));
    case 'bool': return unary ? b.not(x) : garden.pick([b.and, b.or, b.xor, b.eq])(x, garden.partner(x));
    default: return dtype satisfies never;
  }
}

function floatUnary(garden: Garden, x: Node): Node {
  return garden.pick<(x: Node) => Node>([
    b.neg, b.abs, b.sign, b.relu, b.floor, b.ceil, b.round, b.tanh, b.sigmoid, b.erf, b.stopGradient,
    (v) => b.exp(within(garden, v, 6)), (v) => b.expm1(within(garden, v, 6)), (v) => b.log(away(v, 0.25)), (v) => b.log1p(b.abs(v)),
    (v) => b.sqrt(away(v, 0.25)), (v) => b.sin(within(garden, v, 100)), (v) => b.cos(within(garden, v, 100)),
    (v) => b.cast(within(garden, v, 100), garden.pick<DType>(['i32', 'u32', 'bool'])),
    (v) => b.custom(b.mul(v, v), [v], (g, _, [at]) => [b.mul(g, b.add(at, at))]),
  ])(x);
}

function floatBinary(garden: Garden, x: Node, y: Node): Node {
  return garden.pick<(x: Node, y: Node) => Node>([
    b.add, b.add, b.sub, b.mul, b.mul, b.minimum, b.maximum, b.lt, b.le, b.eq,
    (u, v) => b.div(u, away(v, 0.5)), (u, v) => b.mod(u, away(v, 0.5)), (u, v) => b.pow(away(u, 0.25), within(garden, v, 3)),
    (u, v) => b.select(b.lt(u, v), b.mul(u, b.fullLike(u, 0.5)), v),
  ])(x, y);
}

function integer(garden: Garden, x: Node, y: Node): Node {
  const common = [b.add, b.sub, b.mul, b.div, b.mod, b.minimum, b.maximum, b.and, b.or, b.xor, b.lt, b.le, b.eq];
  return garden.pick(x.dtype === 'u32' ? [...common, b.shl, b.shr] : common)(x, y);
}

const DTYPES: readonly DType[] = ['f32', 'f32', 'f32', 'f32', 'i32', 'u32', 'bool'];

function any(garden: Garden, minRank = 0): Node | undefined {
  return garden.find(garden.pick(DTYPES), (node) => node.shape.length >= minRank);
}

function view(garden: Garden): Node | undefined {
  const x = any(garden);
  if (!x) return undefined;
  const each = (f: (extent: number, axis: number) => number): number[] => x.shape.map(f);
  switch (garden.rng.below(8)) {
    case 0: return b.reshape(x, factors(garden, sizeOf(x.shape)));
    case 1: return b.transpose(x, garden.permutation(x.shape.length));
    case 2: return b.broadcastTo(x, [...garden.shape(1), ...x.shape]);
    case 3: return stretched(garden, x);
    case 4: {
      const start = each((extent) => garden.rng.below(extent));
      const stop = each((extent, axis) => start[axis] + 1 + garden.rng.below(extent - start[axis]));
      return b.slice(x, start, stop, each(() => (garden.chance(0.6) ? 1 : 1 + garden.rng.below(3))));
    }
    case 5: return b.pad(x, each(() => garden.rng.below(3)), each(() => garden.rng.below(3)), garden.pick([0, 0, 1, -3]));
    case 6: return joined(garden, x);
    default: return b.flip(x, garden.axes(x));
  }
}

/** A random shape of as many elements. */
function factors(garden: Garden, size: number): number[] {
  const shape: number[] = [];
  let left = size;
  for (let i = garden.rng.below(4); i > 0; i--) {
    const divisors = Array.from({ length: Math.min(left, 40) }, (_, d) => d + 1).filter((d) => left % d === 0);
    shape.push(garden.pick(divisors));
    left /= shape.at(-1)!;
  }
  return [...shape, left];
}

/** A new axis somewhere, repeated. */
function stretched(garden: Garden, x: Node): Node {
  const at = garden.rng.below(x.shape.length + 1);
  const one = [...x.shape.slice(0, at), 1, ...x.shape.slice(at)];
  return b.broadcastTo(b.reshape(x, one), one.with(at, garden.shape(1)[0]));
}

function joined(garden: Garden, x: Node): Node | undefined {
  if (x.shape.length === 0) return undefined;
  const axis = garden.rng.below(x.shape.length);
  const parts = Array.from({ length: 1 + garden.rng.below(3) }, () => (garden.chance(0.5) ? garden.partner(x) : garden.conform(garden.partner(x), x.shape.with(axis, 1 + garden.rng.below(4)))));
  return b.concat([x, ...parts], axis);
}

function reduce(garden: Garden): Node | undefined {
  const x = garden.find(garden.pick<DType>(['f32', 'f32', 'f32', 'i32', 'u32']));
  if (!x) return undefined;
  const list: readonly Monoid[] = Object.values(monoids);
  const monoid = garden.pick(list.filter((m) => m.types.includes(x.dtype)));
  const operand = monoid.name === 'prod' && x.dtype === 'f32' ? b.add(b.fullLike(x, 1), b.mul(b.tanh(x), b.fullLike(x, 0.125))) : x;
  const axes = garden.axes(x, garden.pick([0.3, 0.6, 1]));
  const result = b.reduce(operand, monoid.name, garden.pick(monoid.fields), axes);
  return garden.chance(0.3) ? b.expand(result, x.shape, axes) : result;
}

/** A dot of reshaped, transposed or computed operands. */
function product(garden: Garden): Node | undefined {
  const x = garden.find('f32', (node) => node.shape.length >= 1);
  const y = garden.find('f32');
  if (!x || !y) return undefined;
  const a = b.transpose(within(garden, x, 4), garden.permutation(x.shape.length));
  const rank = a.shape.length;
  const batch = garden.chance(0.3) ? garden.rng.below(rank) : 0;
  const contract = garden.rng.below(Math.min(3, rank - batch + 1));
  const shared = [...a.shape.slice(0, batch), ...a.shape.slice(rank - contract)];
  const other = [...shared, ...Array.from({ length: garden.rng.below(3) }, () => 1 + garden.rng.below(garden.chance(0.2) ? 40 : 9))];
  if (sizeOf(other) > 4 * garden.limit) return undefined;
  const right = garden.chance(0.4) ? b.transpose(garden.conform(y, other.toReversed()), other.map((_, axis) => other.length - 1 - axis)) : garden.conform(y, other);
  const result = b.dot(a, within(garden, right, 4), { batch, contract });
  return garden.chance(0.4) && sizeOf(result.shape) <= garden.limit ? floatUnary(garden, b.add(result, garden.partner(result))) : result;
}

/** Sliding windows, or their adjoint, often reduced or multiplied at once. */
function windows(garden: Garden): Node | undefined {
  const x = garden.find('f32', (node) => node.shape.length >= 1);
  if (!x) return undefined;
  const axis = garden.rng.below(x.shape.length);
  const extent = x.shape[axis];
  const [k, stride, dilation] = [1 + garden.rng.below(4), 1 + garden.rng.below(3), 1 + garden.rng.below(2)];
  const padding = garden.rng.below(5) - 2;
  const out = Math.max(1, Math.floor((extent + 2 * padding - dilation * (k - 1) - 1) / stride) + 1 + garden.rng.below(2));
  const window = x.shape.length;
  const wide = b.broadcastTo(b.reshape(x, [...x.shape, 1]), [...x.shape, k]);
  const attrs = { axis, window, stride, dilation, padding, out };
  if (garden.chance(0.3)) return b.unskew(wide, { ...attrs, out: extent, size: 1 + garden.rng.below(2 * extent) });
  const skewed = b.skew(wide, attrs);
  if (garden.chance(0.3)) return skewed;
  if (garden.chance(0.4)) return b.reduce(skewed, garden.pick(['max', 'sum']), 'value', [window]);
  const order = [...x.shape.map((_, d) => d).filter((d) => d !== axis), axis, window];
  return b.dot(b.transpose(skewed, order), garden.weights([k, 1 + garden.rng.below(9)]), { batch: 0, contract: 1 });
}

/** What normalizes rows or columns: softmax, standardization. */
function rows(garden: Garden): Node | undefined {
  const x = garden.find('f32', (node) => node.shape.length >= 1);
  if (!x) return undefined;
  const axes = garden.chance(0.5) ? [x.shape.length - 1] : garden.axes(x);
  const over = (monoid: string, field: string, of = x): Node => b.expand(b.reduce(of, monoid, field, axes), x.shape, axes);
  switch (garden.rng.below(3)) {
    case 0: return b.exp(b.sub(x, over('softmax', 'lse')));
    case 1: {
      const count = sizeOf(axes.map((axis) => x.shape[axis]));
      const variance = b.mul(over('moments', 'm2'), b.fullLike(x, 1 / count));
      return b.div(b.sub(x, over('moments', 'mean')), b.sqrt(b.add(variance, b.fullLike(x, 0.1))));
    }
    default: return b.sub(x, over('max', 'value', b.mul(x, x)));
  }
}

function indexing(garden: Garden): Node | undefined {
  const x = any(garden, 1);
  const indices = garden.find('i32') ?? b.cast(b.round(garden.find('f32')!), 'i32');
  if (!x || sizeOf(indices.shape) * sizeOf(x.shape.slice(1)) > garden.limit) return undefined;
  const taken = b.gather(x, indices);
  if (x.dtype !== 'f32' || !garden.chance(0.3)) return taken;
  const read = b.reshape(b.cast(indices, 'f32'), [...indices.shape, ...x.shape.slice(1).map(() => 1)]);
  return b.mul(taken, b.broadcastTo(read, taken.shape));
}

function other(garden: Garden, step: Node): Node | undefined {
  const shape = garden.shape();
  switch (garden.rng.below(7)) {
    case 0: return b.full(garden.pick([0, 1, -0.5, 3]), shape);
    case 1: return shape.length > 0 ? b.iota(shape, garden.rng.below(shape.length)) : undefined;
    case 2: return garden.weights(shape);
    case 3: return b.random(step, { seed: garden.rng.below(100), site: garden.rng.below(3), shape });
    case 4: return uniform(b.random(step, { seed: 7, site: garden.rng.below(3), shape }));
    case 5: {
      const x = any(garden);
      return x && (x.dtype !== 'f32' || garden.largest(x) < 1e6) ? castOf(garden, x) : undefined;
    }
    default: {
      const condition = garden.find('bool');
      const x = garden.find('f32');
      return condition && x ? b.select(condition, garden.conform(x, condition.shape), garden.conform(garden.find('f32')!, condition.shape)) : undefined;
    }
  }
}

/** Bits as numbers in 0 .. 1. */
function uniform(bits: Node): Node {
  return b.mul(b.cast(b.shr(bits, b.fullLike(bits, 8)), 'f32'), b.full(2 ** -24, bits.shape));
}

function castOf(garden: Garden, x: Node): Node {
  const to = garden.pick<DType>(['f32', 'f32', 'i32', 'u32', 'bool']);
  return b.cast(x, to);
}

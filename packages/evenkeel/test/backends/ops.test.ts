import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/base/index.ts';
import type { DType, Shape } from '../../src/base/index.ts';
import { build as b, grad, ops } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';
import { backendCheck, Sketch } from '../support/check-backends.ts';
import type { Values } from '../support/check-backends.ts';

const check = backendCheck();

/** Ranks 0 to 5, extents of 1, and sizes that are no multiple of any vector or tile. */
const SHAPES: readonly Shape[] = [
  [], [1], [2], [3], [5], [7], [13], [17], [33], [65], [1, 1], [4, 1], [1, 6], [3, 5], [2, 3, 7], [13, 1, 2], [2, 3, 1, 5], [2, 1, 3, 2, 4], [9, 130],
];
const EMPTY: readonly Shape[] = [[0], [3, 0], [0, 2], [2, 0, 3]];
const EVERY: readonly DType[] = ['f32', 'i32', 'u32', 'bool'];
const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 2.5, -0.5];
const INT_EDGES = [0, 1, -1, 2, -7, 2147483647, -2147483648, 12345];
const UINT_EDGES = [0, 1, 2, 31, 4294967295, 2147483648, 65537];

type Example = (s: Sketch) => Node[];

/** One operand of every shape, and the values where functions have their edges. */
function unary(f: (x: Node) => Node, options: Values & { readonly special?: readonly number[] } = {}): Example {
  const { special = SPECIAL, ...values } = options;
  return (s) => [
    ...[...SHAPES, ...EMPTY].map((shape) => f(s.input(shape, { low: -3, high: 3, ...values }))),
    f(s.input([special.length], { ...values, values: special })),
  ];
}

/** Integers: whole numbers, and the edges of their range. */
function integers(f: (x: Node) => Node, types: readonly DType[] = ['i32', 'u32']): Example {
  return (s) => types.flatMap((dtype) => unary(f, { dtype, special: dtype === 'i32' ? INT_EDGES : dtype === 'u32' ? UINT_EDGES : [0, 1] })(s));
}

/** Two operands; every pair of special values. */
function binary(f: (x: Node, y: Node) => Node, types: readonly DType[] = ['f32', 'i32', 'u32'], special: readonly number[] = SPECIAL): Example {
  return (s) => types.flatMap((dtype) => {
    const edges = dtype === 'f32' ? special : dtype === 'i32' ? INT_EDGES : dtype === 'u32' ? UINT_EDGES : [0, 1];
    const firsts = edges.flatMap((x) => edges.map(() => x));
    const seconds = edges.flatMap(() => edges);
    return [
      ...[...SHAPES, ...EMPTY].map((shape) => f(s.input(shape, { dtype, low: -3, high: 3 }), s.input(shape, { dtype, low: -3, high: 3 }))),
      f(s.input([firsts.length], { dtype, values: firsts }), s.input([firsts.length], { dtype, values: seconds })),
    ];
  });
}

/** A view of every dtype. */
function view(f: (x: Node) => Node | undefined, shapes: readonly Shape[] = [...SHAPES, ...EMPTY]): Example {
  return (s) => EVERY.flatMap((dtype) => shapes.flatMap((shape) => f(s.input(shape, { dtype })) ?? []));
}

function both(...examples: readonly Example[]): Example {
  return (s) => examples.flatMap((example) => example(s));
}

const axesOf = (x: Node): number[] => x.shape.map((_, axis) => axis);
const windows = { axis: 0, window: 1, stride: 2, dilation: 1, padding: 1, out: 4 };
const stretched = (s: Sketch, shape: Shape, k: number): Node => b.broadcastTo(b.reshape(s.input(shape), [...shape, 1]), [...shape, k]);

/** At least one program for every primitive. */
const EXAMPLES: Readonly<Record<keyof typeof ops, Example>> = {
  neg: both(unary(b.neg), integers(b.neg, ['i32'])),
  abs: both(unary(b.abs), integers(b.abs)),
  sign: both(unary(b.sign), integers(b.sign)),
  exp: unary(b.exp, { special: [...SPECIAL, 80, -80, 1e-8] }),
  expm1: unary(b.expm1, { special: [...SPECIAL, 80, -80, 1e-8] }),
  log: unary(b.log, { low: 0.01, high: 9, special: [...SPECIAL, 1e30, 1e-30] }),
  log1p: unary(b.log1p, { low: -0.9, high: 9, special: [...SPECIAL, 1e30, 1e-8] }),
  sqrt: unary(b.sqrt, { low: 0, special: [...SPECIAL, 1e30, 1e-30] }),
  sin: unary(b.sin, { low: -30, high: 30 }),
  cos: unary(b.cos, { low: -30, high: 30 }),
  tanh: unary(b.tanh, { special: [...SPECIAL, 50, -50, 1e-8] }),
  sigmoid: unary(b.sigmoid, { special: [...SPECIAL, 50, -50] }),
  erf: unary(b.erf, { special: [...SPECIAL, 5, -5, 1e-8] }),
  floor: unary(b.floor, { special: [...SPECIAL, 1e9, -1e9] }),
  ceil: unary(b.ceil, { special: [...SPECIAL, 1e9, -1e9] }),
  round: unary(b.round, { special: [...SPECIAL, 0.5, 1.5, -1.5, -2.5, 1e9] }),
  not: integers(b.not, ['bool']),
  relu: unary(b.relu),
  add: binary(b.add), sub: binary(b.sub), mul: binary(b.mul), div: binary(b.div),
  mod: binary(b.mod, ['f32', 'i32', 'u32'], [0, -0, 1, -1, 2.5, -0.5, 7, 1e6, -3e38, 0.1, 1e-40, Infinity, -Infinity, NaN]),
  pow: binary((x, y) => b.pow(x, y), ['f32'], [0, 1, 2, 3, -1, -2, 0.5, 2.5, NaN, Infinity]),
  minimum: binary(b.minimum), maximum: binary(b.maximum),
  lt: binary(b.lt, EVERY.slice(0, 3)), le: binary(b.le, EVERY.slice(0, 3)), eq: binary(b.eq, EVERY),
  and: binary(b.and, ['i32', 'u32', 'bool']), or: binary(b.or, ['i32', 'u32', 'bool']), xor: binary(b.xor, ['i32', 'u32', 'bool']),
  shl: binary(b.shl, ['u32']), shr: binary(b.shr, ['u32']),
  select: (s) => EVERY.flatMap((dtype) => SHAPES.map((shape) => b.select(s.input(shape, { dtype: 'bool' }), s.input(shape, { dtype }), s.input(shape, { dtype })))),
  cast: (s) => EVERY.flatMap((from) => EVERY.flatMap((to) => [
    ...[[], [17], [3, 5]].map((shape) => b.cast(s.input(shape, { dtype: from, low: -9, high: 9 }), to)),
    b.cast(s.input([12], { dtype: from, values: from === 'f32' ? [NaN, Infinity, -Infinity, 0, 1.9, -1.9, 3e9, -3e9, 5e9, 0.5, -0.5, 7] : from === 'i32' ? INT_EDGES : from === 'u32' ? UINT_EDGES : [0, 1] }), to),
  ])),
  reshape: view((x) => b.reshape(b.flip(x, axesOf(x)), [sizeOf(x.shape), 1])),
  transpose: view((x) => b.transpose(x, axesOf(x).toReversed())),
  broadcast: view((x) => b.broadcastTo(x, [3, ...x.shape.map((extent) => (extent === 1 ? 5 : extent))])),
  slice: view((x) => b.slice(x, x.shape.map((extent) => Math.min(1, extent)), [...x.shape], x.shape.map((_, axis) => 1 + (axis % 3)))),
  pad: view((x) => b.pad(x, axesOf(x).map((axis) => axis % 3), axesOf(x).map((axis) => (axis + 1) % 2), -2)),
  concat: view((x) => (x.shape.length === 0 ? undefined : b.concat([x, b.flip(x, [0]), x], x.shape.length - 1))),
  flip: view((x) => b.flip(x, axesOf(x).filter((axis) => axis % 2 === 0))),
  skew: (s) => [
    ...[{}, { stride: 1 }, { dilation: 2 }, { padding: -2 }, { padding: 5 }, { stride: 3, out: 9 }, { out: 0 }].map((more) => b.skew(stretched(s, [7], 3), { ...windows, ...more })),
    b.skew(stretched(s, [2, 9, 5], 4), { ...windows, axis: 1, window: 3, stride: 1, out: 8 }),
  ],
  unskew: (s) => [
    ...[{}, { stride: 1 }, { dilation: 2 }, { padding: -2 }, { padding: 5 }, { stride: 3 }, { size: 0 }].map((more) => b.unskew(stretched(s, [4], 3), { ...windows, size: 8, ...more })),
    b.unskew(stretched(s, [2, 8, 5], 4), { ...windows, axis: 1, window: 3, stride: 1, out: 8, size: 9 }),
  ],
  gather: (s) => EVERY.flatMap((dtype) => [[5], [7, 3], [4, 2, 5]].flatMap((shape) => [[], [13], [3, 5], [0]].map((indices) =>
    b.gather(s.input(shape, { dtype }), s.input(indices, { dtype: 'i32', values: [0, 2, -1, 99, 4, 1, 3, 2147483647, -2147483648] }))))),
  input: (s) => EVERY.map((dtype) => s.input([3, 5], { dtype })),
  constant: (s) => [b.constant(Float32Array.of(1, 2.5, NaN), [3]), b.constant(Int32Array.of(1, -2), [2, 1], 'i32'), b.constant(Int32Array.of(1, 0), [2], 'bool'), s.input([2])],
  full: () => EVERY.flatMap((dtype) => SHAPES.map((shape) => b.full(1, shape, dtype))).concat(b.full(-Infinity, [3]), b.full(NaN, [2])),
  iota: () => SHAPES.flatMap((shape) => shape.map((_, axis) => b.iota(shape, axis))),
  ref: (s) => EVERY.map((dtype) => s.ref([3, 5], { dtype })),
  random: (s) => SHAPES.map((shape) => b.random(s.input([], { dtype: 'u32' }), { seed: 7, site: shape.length, shape })),
  reduce: (s) => [b.reduce(s.input([3, 5]), 'sum', 'value', [1]), b.reduce(s.input([]), 'sum', 'value', [])],
  dot: (s) => [b.dot(s.input([3, 5]), s.input([5, 2]), { batch: 0, contract: 1 })],
  stopGradient: unary(b.stopGradient),
  custom: unary((x) => b.custom(b.mul(x, x), [x], () => [undefined])),
};

describe('every primitive on every backend', () => {
  test('none is missing', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(Object.keys(ops).sort());
  });

  for (const [name, example] of Object.entries(EXAMPLES)) {
    test(name, async () => {
      const s = new Sketch();
      await check(s.finish(example(s)));
    });
  }
});

test('gradients of gather, into short tables and long ones', async () => {
  const s = new Sketch();
  const g = s.input([13, 5]);
  const values = [0, 2, -1, 99, 4, 1, 3, 2, 2, 1700];
  await check(s.finish([7, 26, 27, 300, 2000].flatMap((rows) => {
    const x = s.input([rows, 5]);
    const taken = b.mul(b.gather(x, s.input([13], { dtype: 'i32', values })), g);
    return grad(b.reduce(b.mul(taken, taken), 'sum', 'value', [0, 1]), [x]);
  })));
});

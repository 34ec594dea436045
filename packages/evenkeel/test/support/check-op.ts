/** What every op is held to: its lowering agrees with its reference, its gradient with finite differences. */
import { expect } from 'vitest';
import { sizeOf, stridesOf } from '../../src/base/index.ts';
import type { DType, Shape } from '../../src/base/index.ts';
import { build, dense, evaluate, grad } from '../../src/graph/index.ts';
import type { Dense, Node } from '../../src/graph/index.ts';
import { ix, load } from '../../src/scalar/index.ts';
import type { Source } from '../../src/scalar/index.ts';
import { interpret } from './interpret.ts';

/** Numbers in low .. high from a small generator (mulberry32) with a fixed seed. */
export function randomValues(count: number, low = -1, high = 1, seed = 1): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + ((high - low) * ((t ^ (t >>> 14)) >>> 0)) / 4294967296;
  });
}

/** A tensor of random numbers. */
export function randomDense(shape: Shape, low = -1, high = 1, seed = 1): Dense {
  return dense(shape, randomValues(sizeOf(shape), low, high, seed));
}

/** The value of a graph of inputs, given in the order of their slots. */
export function run(node: Node, inputs: readonly Dense[] = []): Dense {
  return evaluate([node], { input: (slot) => inputs[slot] })[0];
}

/** Applies a function of nodes to values; f32 inputs unless said. */
export function apply(f: (...xs: Node[]) => Node, inputs: readonly Dense[], types: readonly DType[] = []): Dense {
  return run(f(...inputs.map((x, slot) => build.input(slot, x.shape, types[slot]))), inputs);
}

export interface GradientOptions {
  /** Dtypes of the inputs; only f32 ones are differentiated. Default: all f32. */
  readonly types?: readonly DType[];
  /** Step of the central difference; the default balances its truncation against f64 rounding. */
  readonly step?: number;
  /** Largest |difference| / (1 + |value|). */
  readonly tolerance?: number;
  /** 2 checks the gradient of the gradient as well. Default 1. */
  readonly order?: 1 | 2;
}

/** Compares grad with central differences of a random weighting of f's result, all in f64. */
export function checkGradient(f: (...xs: Node[]) => Node, inputs: readonly Dense[], options: GradientOptions = {}): void {
  const { types = [], order = 1 } = options;
  const xs = inputs.map((x, slot) => build.input(slot, x.shape, types[slot]));
  const wrt = xs.filter((x) => x.dtype === 'f32');
  const first = weigh(f(...xs), 11);
  const gradients = grad(first, wrt);
  compare(first, wrt, gradients, inputs, options);
  if (order === 2) {
    const second = gradients.map((g, position) => weigh(g, 23 + position)).reduce(build.add);
    compare(second, wrt, grad(second, wrt), inputs, options);
  }
}

/** A scalar that depends on every element of y in its own measure. */
function weigh(y: Node, seed: number): Node {
  const weights = build.constant(Float64Array.from(randomValues(sizeOf(y.shape), 0.5, 1.5, seed)), y.shape);
  return build.reduce(build.mul(y, weights), 'sum', 'value', y.shape.map((_, axis) => axis));
}

function compare(y: Node, wrt: readonly Node[], gradients: readonly Node[], inputs: readonly Dense[], options: GradientOptions): void {
  const { step = 1e-5, tolerance = 1e-6 } = options;
  const got = evaluate(gradients, { input: (slot) => inputs[slot] });
  wrt.forEach((x, position) => {
    expect(got[position].shape).toEqual(x.shape);
    const slot = (x.attrs as { slot: number }).slot;
    inputs[slot].data.forEach((value, element) => {
      const moved = (by: number): number => {
        const data = inputs[slot].data.slice();
        data[element] = value + by;
        return run(y, inputs.with(slot, { shape: x.shape, data })).data[0];
      };
      const difference = (moved(step) - moved(-step)) / (2 * step);
      const error = Math.abs(got[position].data[element] - difference) / (1 + Math.abs(difference));
      expect(error, `input ${slot}, element ${element}: gradient ${got[position].data[element]}, difference ${difference}`).toBeLessThan(tolerance);
    });
  });
}

/** Equal to about `digits` decimals; NaN and infinities must be the same. */
export function expectClose(got: number, value: number, digits = 12, message?: string): void {
  if (Number.isFinite(value)) expect(got, message).toBeCloseTo(value, digits);
  else expect(got, message).toBe(value);
}

/** Holds one node's lowering to its reference on every element; its inputs are filled by `inputs` in order. */
export function checkLower(node: Node, inputs: readonly Dense[] = []): void {
  const sources: Source[] = node.inputs.map((_, position) => ({ name: `x${position}` }));
  const buffers = new Map(sources.map((source, position) => [source, inputs[position]]));
  const cells = node.inputs.map((x, position) => (index: readonly ix.Ix[]) => {
    expect(index.length, 'rank of an index').toBe(x.shape.length);
    index.forEach((i, axis) => {
      if (sizeOf(node.shape) > 0) expect(i.min >= 0 && i.max < x.shape[axis], `${i.key} within axis ${axis}`).toBe(true);
    });
    return load(sources[position], ix.flatten(index, stridesOf(x.shape)), x.dtype);
  });
  const index = node.shape.map((extent, axis) => ix.ixOf(ix.variable(`i${axis}`, extent)));
  const lowered = node.op.lower!(node, cells, index);
  expect(lowered.dtype).toBe(node.dtype);
  const expected = node.op.reference(node, inputs);
  expect(expected.shape).toEqual(node.shape);
  const strides = stridesOf(node.shape);
  expected.data.forEach((value, flat) => {
    const variables = new Map(node.shape.map((extent, axis) => [`i${axis}`, Math.floor(flat / strides[axis]) % extent]));
    expectClose(interpret(lowered, { variables, buffers }), value, 12, `element ${flat}`);
  });
}

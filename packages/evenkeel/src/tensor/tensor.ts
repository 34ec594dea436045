/** A value that will exist: a node of the graph with the functions that users call on it. */
import { Fault, formatShape } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import type { Node } from '../graph/index.ts';
import { currentTrace, knownValue, realize } from '../runtime/index.ts';
import * as nodes from './nodes/index.ts';
import type { Axes, ReduceOptions } from './nodes/index.ts';

/** What a function takes where it wants a tensor: a tensor, a ref (its current value), or a number that stands for any shape. */
export type Operand = Tensor | { readonly value: Tensor } | number;

/** Numbers nested as the shape says. */
export type Nested = number | readonly Nested[];

/**
 * A multidimensional array whose shape is known at once and whose values are computed when they are read or when the step runs.
 * It owns no memory: there is nothing to dispose.
 */
export class Tensor {
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
  }

  get shape(): Shape { return this.node.shape; }
  get dtype(): DType { return this.node.dtype; }
  get rank(): number { return this.node.shape.length; }
  get size(): number { return this.node.shape.reduce((size, extent) => size * extent, 1); }

  /** The values, row-major: f32, i32 or u32; a bool is 0 or 1 in an i32. Do not change them. */
  async data(): Promise<TypedArray> {
    return (await realize([this.node]))[0];
  }

  /** The one value of a tensor of one element. @throws E225 for more or fewer */
  async item(): Promise<number> {
    if (this.size === 1) return (await this.data())[0];
    throw new Fault({
      code: 'E225', op: 'item', rule: 'the tensor must hold one value', detail: [`shape ${formatShape(this.shape)} holds ${this.size}`],
      where: this.node.where, hint: 'use data() or array(), or reduce it first, for example with mean()',
    });
  }

  /** The values as nested arrays. */
  async array(): Promise<Nested> {
    return nest(await this.data(), this.shape);
  }

  /** The values if they are known already (given by the host, read before, or returned by a step); else undefined. */
  get known(): TypedArray | undefined { return knownValue(this.node); }

  toString(): string {
    return `Tensor(${this.dtype} ${formatShape(this.shape)})`;
  }

  add(b: Operand): Tensor { return two(nodes.add, this, b); }
  sub(b: Operand): Tensor { return two(nodes.sub, this, b); }
  mul(b: Operand): Tensor { return two(nodes.mul, this, b); }
  div(b: Operand): Tensor { return two(nodes.div, this, b); }
  mod(b: Operand): Tensor { return two(nodes.mod, this, b); }
  pow(b: Operand): Tensor { return two(nodes.pow, this, b); }
  minimum(b: Operand): Tensor { return two(nodes.minimum, this, b); }
  maximum(b: Operand): Tensor { return two(nodes.maximum, this, b); }
  lt(b: Operand): Tensor { return two(nodes.lt, this, b); }
  le(b: Operand): Tensor { return two(nodes.le, this, b); }
  gt(b: Operand): Tensor { return two(nodes.gt, this, b); }
  ge(b: Operand): Tensor { return two(nodes.ge, this, b); }
  eq(b: Operand): Tensor { return two(nodes.eq, this, b); }
  ne(b: Operand): Tensor { return two(nodes.ne, this, b); }
  and(b: Operand): Tensor { return two(nodes.and, this, b); }
  or(b: Operand): Tensor { return two(nodes.or, this, b); }

  neg(): Tensor { return new Tensor(nodes.neg(this.node)); }
  abs(): Tensor { return new Tensor(nodes.abs(this.node)); }
  sign(): Tensor { return new Tensor(nodes.sign(this.node)); }
  exp(): Tensor { return new Tensor(nodes.exp(this.node)); }
  expm1(): Tensor { return new Tensor(nodes.expm1(this.node)); }
  log(): Tensor { return new Tensor(nodes.log(this.node)); }
  log1p(): Tensor { return new Tensor(nodes.log1p(this.node)); }
  sqrt(): Tensor { return new Tensor(nodes.sqrt(this.node)); }
  rsqrt(): Tensor { return new Tensor(nodes.rsqrt(this.node)); }
  square(): Tensor { return new Tensor(nodes.square(this.node)); }
  sin(): Tensor { return new Tensor(nodes.sin(this.node)); }
  cos(): Tensor { return new Tensor(nodes.cos(this.node)); }
  tanh(): Tensor { return new Tensor(nodes.tanh(this.node)); }
  sigmoid(): Tensor { return new Tensor(nodes.sigmoid(this.node)); }
  erf(): Tensor { return new Tensor(nodes.erf(this.node)); }
  relu(): Tensor { return new Tensor(nodes.relu(this.node)); }
  floor(): Tensor { return new Tensor(nodes.floor(this.node)); }
  ceil(): Tensor { return new Tensor(nodes.ceil(this.node)); }
  round(): Tensor { return new Tensor(nodes.round(this.node)); }
  not(): Tensor { return new Tensor(nodes.not(this.node)); }
  clip(low: number, high: number): Tensor { return new Tensor(nodes.clip(this.node, low, high)); }
  cast(dtype: DType): Tensor { return new Tensor(nodes.cast(this.node, dtype)); }
  stopGradient(): Tensor { return new Tensor(nodes.stopGradient(this.node)); }

  sum(axes?: Axes, options?: ReduceOptions): Tensor { return new Tensor(nodes.sum(this.node, axes, options)); }
  mean(axes?: Axes, options?: ReduceOptions): Tensor { return new Tensor(nodes.mean(this.node, axes, options)); }
  max(axes?: Axes, options?: ReduceOptions): Tensor { return new Tensor(nodes.max(this.node, axes, options)); }
  min(axes?: Axes, options?: ReduceOptions): Tensor { return new Tensor(nodes.min(this.node, axes, options)); }
  prod(axes?: Axes, options?: ReduceOptions): Tensor { return new Tensor(nodes.prod(this.node, axes, options)); }
  argmax(axes?: Axes, options?: ReduceOptions): Tensor { return new Tensor(nodes.argmax(this.node, axes, options)); }
  variance(axes?: Axes, options?: ReduceOptions & { readonly correction?: number }): Tensor {
    return new Tensor(nodes.variance(this.node, axes, options));
  }
  logSumExp(axes?: Axes, options?: ReduceOptions): Tensor { return new Tensor(nodes.logSumExp(this.node, axes, options)); }
  softmax(axis?: Axes): Tensor { return new Tensor(nodes.softmax(this.node, axis)); }
  logSoftmax(axis?: Axes): Tensor { return new Tensor(nodes.logSoftmax(this.node, axis)); }

  reshape(shape: Shape): Tensor { return new Tensor(nodes.reshape(this.node, shape)); }
  transpose(order?: readonly number[]): Tensor { return new Tensor(nodes.transpose(this.node, order)); }
  broadcastTo(shape: Shape): Tensor { return new Tensor(nodes.broadcastTo(this.node, shape)); }
  expandDims(axis: number): Tensor { return new Tensor(nodes.expandDims(this.node, axis)); }
  squeeze(axes?: Axes): Tensor { return new Tensor(nodes.squeeze(this.node, axes)); }
  slice(start: readonly number[], stop?: readonly number[], step?: readonly number[]): Tensor {
    return new Tensor(nodes.slice(this.node, start, stop, step));
  }
  pad(widths: readonly (readonly [number, number])[], value?: number): Tensor { return new Tensor(nodes.pad(this.node, widths, value)); }
  flip(axes?: Axes): Tensor { return new Tensor(nodes.flip(this.node, axes)); }
  matmul(b: Tensor | { readonly value: Tensor }): Tensor { return new Tensor(nodes.matmul(this.node, nodeOf(b))); }
  take(indices: Tensor, axis?: number): Tensor { return new Tensor(nodes.take(this.node, indices.node, axis)); }
  oneHot(depth: number): Tensor { return new Tensor(nodes.oneHot(this.node, depth)); }
}

/** The node behind a tensor or a ref. @throws E228 for anything else, which types forbid but plain JavaScript does not */
export function nodeOf(x: Tensor | { readonly value: Tensor }): Node {
  const tensor: unknown = x instanceof Tensor ? x : (x as { readonly value: Tensor } | undefined)?.value;
  if (tensor instanceof Tensor) return tensor.node;
  throw new Fault({
    code: 'E228', op: 'operand', rule: 'an operand must be a tensor, a ref or a number', detail: [`got ${Array.isArray(x) ? 'an array' : typeof x}`],
    where: currentTrace().where(), hint: 'wrap arrays with tensor(...), and call a step with every input that it uses',
  });
}

/** The node behind an operand; a number stays one. */
export function operandOf(x: Operand): Node | number {
  return typeof x === 'number' ? x : nodeOf(x);
}

function two(fn: (a: nodes.Operand, b: nodes.Operand) => Node, a: Operand, b: Operand): Tensor {
  return new Tensor(fn(operandOf(a), operandOf(b)));
}

function nest(data: TypedArray, shape: Shape): Nested {
  if (shape.length === 0) return data[0];
  const [extent, ...rest] = shape;
  const step = data.length / Math.max(1, extent);
  return Array.from({ length: extent }, (_, i) => nest(data.subarray(i * step, (i + 1) * step), rest));
}

/** What elementwise ops have in common: an element of the result depends on the same element of every input. */
import { binary as binaryExpr, unary as unaryExpr } from '../scalar/index.ts';
import type { BinaryFn, Expr, UnaryFn } from '../scalar/index.ts';
import type { DType } from '../base/index.ts';
import { checkArity, checkOneShape, checkOneType, checkType } from './check.ts';
import { mapElements } from './dense.ts';
import type { Build, NoAttrs, Node, Op } from './node.ts';

/** One elementwise op of one operand. */
export interface UnaryRule {
  readonly name: string;
  /** Dtypes that it takes; the result has the operand's. */
  readonly types: readonly DType[];
  readonly lower: UnaryFn | ((x: Expr) => Expr);
  /** Cotangent of x from that of y = f(x); leave it out where the derivative is zero or there is none. */
  vjp?(at: { readonly x: Node; readonly y: Node; readonly g: Node }, build: Build): Node;
  reference(x: number, dtype: DType): number;
}

/** An op that maps each element of one operand. */
export function unaryOp(rule: UnaryRule): Op<NoAttrs> {
  const { name, lower } = rule;
  return {
    name,
    kind: 'map',
    infer(inputs) {
      checkArity(name, inputs, 1);
      checkType(name, inputs, 0, rule.types);
      return { shape: inputs[0].shape, dtype: inputs[0].dtype };
    },
    vjp: (node, g, build) => [rule.vjp?.({ x: node.inputs[0], y: node, g }, build)],
    lower: (_, [x], index) => (typeof lower === 'string' ? unaryExpr(lower, x(index)) : lower(x(index))),
    reference: (node, inputs) => mapElements(node, inputs, (x) => rule.reference(x, node.dtype)),
  };
}

/** One elementwise op of two operands of one shape and dtype. */
export interface BinaryRule {
  readonly name: string;
  readonly types: readonly DType[];
  /** True where the result is a bool. */
  readonly compares?: boolean;
  readonly lower: BinaryFn;
  /** Cotangents of a and b; leave it out where there are none. */
  vjp?(at: { readonly a: Node; readonly b: Node; readonly y: Node; readonly g: Node }, build: Build): readonly Node[];
  reference(a: number, b: number, dtype: DType): number;
}

/** An op that combines the elements of two operands pair by pair; broadcasting happens before it. */
export function binaryOp(rule: BinaryRule): Op<NoAttrs> {
  const { name } = rule;
  return {
    name,
    kind: 'map',
    infer(inputs) {
      checkArity(name, inputs, 2);
      checkOneType(name, inputs);
      checkType(name, inputs, 0, rule.types);
      checkOneShape(name, inputs);
      return { shape: inputs[0].shape, dtype: rule.compares ? 'bool' : inputs[0].dtype };
    },
    vjp: (node, g, build) => rule.vjp?.({ a: node.inputs[0], b: node.inputs[1], y: node, g }, build) ?? [undefined, undefined],
    lower: (_, [a, b], index) => binaryExpr(rule.lower, a(index), b(index)),
    reference: (node, inputs) => mapElements(node, inputs, (a, b) => rule.reference(a, b, node.inputs[0].dtype)),
  };
}

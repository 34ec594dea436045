/** A graph is nodes that point at their inputs. Shapes and dtypes are checked when a node is made; values come later. */
import { Fault } from '../base/index.ts';
import type { DType, FaultDetail, Shape } from '../base/index.ts';
import type { Expr, Ix } from '../scalar/index.ts';

/** What is known of a value before it exists. */
export interface Spec { readonly shape: Shape; readonly dtype: DType }

/** The builders of build.ts, which a vjp is handed so that ops need not import each other. */
export type Build = typeof import('./build.ts');

/** Attributes of an op that has none. */
export type NoAttrs = Readonly<Record<string, never>>;

export interface Node<A = unknown> extends Spec {
  readonly op: Op<A>;
  readonly inputs: readonly Node[];
  readonly attrs: A;
  /** Path in the user's model, for errors and the NaN detective. */
  readonly where?: string;
}

/** The value of one input of an op, as a function of that input's multi-index. */
export type Cell = (index: readonly Ix[]) => Expr;

/** The reference evaluator's tensor: row-major, every dtype held in f64 (bool as 0 and 1). */
export interface Dense { readonly shape: Shape; readonly data: Float64Array }

/**
 * What an op means, all in one file.
 * kind: `map` computes an element from the same element(s) of its inputs; `view` only moves indices; `reduce` and `contract`
 * need a kernel of their own; `source` has no inputs to compute from; `wrap` is its first input with another gradient.
 */
export interface Op<A = unknown> {
  readonly name: string;
  readonly kind: 'map' | 'view' | 'reduce' | 'contract' | 'source' | 'wrap';
  /** Shape and dtype of the result. @throws Fault E2xx for a mistake of the user. */
  infer(inputs: readonly Spec[], attrs: A): Spec;
  /** Cotangents of the inputs (undefined: no gradient flows), as ordinary nodes, so that gradients of gradients work. */
  vjp(node: Node<A>, g: Node, build: Build): readonly (Node | undefined)[];
  /** One element of the result (map, view and random sources). */
  lower?(node: Node<A>, inputs: readonly Cell[], index: readonly Ix[]): Expr;
  /** Naive f64 JavaScript; the oracle. */
  reference(node: Node<A>, inputs: readonly Dense[]): Dense;
  /** The part of attrs that tells two nodes apart, for merging equal nodes and caching plans. Default: JSON of attrs. */
  key?(attrs: A): string;
}

/** Makes a node. `where` defaults to the nearest input's. */
export function make<A>(op: Op<A>, inputs: readonly Node[], attrs: A, where?: string): Node<A> {
  const place = where ?? inputs.find((n) => n.where !== undefined)?.where;
  let spec: Spec;
  try {
    spec = op.infer(inputs, attrs);
  } catch (error) {
    if (error instanceof Fault && place !== undefined && error.detail.where === undefined) throw relocated(error.detail, place);
    throw error;
  }
  return { op, inputs, attrs, shape: spec.shape, dtype: spec.dtype, where: place };
}

function relocated(detail: FaultDetail, where: string): Fault {
  return new Fault({ ...detail, where });
}

/** Nodes that `roots` depend on, inputs before users. */
export function topological(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const push = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const root of roots) {
    push(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next < top.node.inputs.length) push(top.node.inputs[top.next++]);
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

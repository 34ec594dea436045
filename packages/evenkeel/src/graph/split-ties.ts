import type { Build, Node } from './node.ts';

/** Shares g out to the larger of two operands, half to each where they tie: cotangents of [larger, smaller]. */
export function splitTies(a: Node, b: Node, g: Node, build: Build): readonly [Node, Node] {
  const { select, lt, eq, mul, fullLike } = build;
  const tied = select(eq(a, b), mul(g, fullLike(g, 0.5)), fullLike(g, 0));
  return [select(lt(b, a), g, tied), select(lt(a, b), g, tied)];
}

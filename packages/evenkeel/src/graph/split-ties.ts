import type { Build, Node } from './node.ts';

/** [g where a > b, g where b > a], half of g in both where they tie: the cotangents of max(a, b), and of min(b, a). */
export function splitTies(a: Node, b: Node, g: Node, build: Build): readonly [Node, Node] {
  const { select, lt, eq, mul, fullLike } = build;
  const tied = select(eq(a, b), mul(g, fullLike(g, 0.5)), fullLike(g, 0));
  return [select(lt(b, a), g, tied), select(lt(a, b), g, tied)];
}

/** Loop variables as one: how many steps they make together, and the place of a step among them. */
import { ix } from '../scalar/index.ts';
import type { Ix, Var } from '../scalar/index.ts';

/** Row-major position over variables. */
export function flatPosition(vars: readonly Var[]): Ix {
  let stride = 1;
  const parts: Ix[] = [];
  for (let i = vars.length - 1; i >= 0; i--) {
    parts.push(ix.scale(ix.ixOf(vars[i]), stride));
    stride *= vars[i].size;
  }
  return ix.add(...parts);
}

/** Number of steps of nested loops. */
export function product(vars: readonly Var[]): number {
  return vars.reduce((n, v) => n * v.size, 1);
}

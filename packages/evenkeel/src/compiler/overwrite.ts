/** Refs whose new value is written over the old one in the loops that read it. At one index, all values are computed before any is stored. */
import type { Expr } from '../scalar/index.ts';
import type { Buffer } from './plan.ts';
import { loadsOf } from './rewrite.ts';

/** The refs whose old values expressions read. */
export function refsRead(exprs: readonly Expr[]): Set<object> {
  const refs = new Set<object>();
  for (const e of exprs) for (const l of loadsOf(e)) {
    const { ref, renewed } = l.source as Buffer;
    if (ref && !renewed) refs.add(ref);
  }
  return refs;
}

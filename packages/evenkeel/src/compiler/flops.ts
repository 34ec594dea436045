/** Floating-point operations of nests, counted from their expressions (a fused multiply-add is two). */
import type { Expr } from '../scalar/index.ts';
import { product } from './flat.ts';
import type { Nest, Reduction, Store } from './nest.ts';
import type { Phase } from './plan.ts';
import { visit } from './rewrite.ts';

export function countFlops(phases: readonly Phase[]): number {
  return phases.flat().reduce((n, nest) => n + nestFlops(nest), 0);
}

function nestFlops(nest: Nest): number {
  const values = (stores: readonly Store[], reductions: readonly Reduction[] = []): Expr[] => [...stores.map((s) => s.value), ...reductions.map((r) => r.value)];
  const steps = (reductions: readonly Reduction[]): number => reductions.reduce((n, r) => n + 2 * r.monoid.stateTypes(r.input).length, 0);
  switch (nest.kind) {
    case 'map': return product(nest.vars) * opsIn(values(nest.stores));
    case 'reduce': return product([...nest.outer, ...nest.reduce, ...nest.inner]) * (opsIn(values(nest.stores, nest.reductions)) + steps(nest.reductions));
    case 'finish': return product(nest.vars) * (opsIn(values(nest.stores)) + nest.chunks * nest.inputs.length);
    case 'walk': {
      const all = nest.stages.flatMap((s) => values(s.stores, s.reductions)).concat(nest.accumulations.map((a) => a.reduction.value));
      return product([...nest.rows, ...nest.cols]) * (opsIn(all) + steps(nest.stages.flatMap((s) => s.reductions)) + nest.accumulations.length);
    }
    case 'contract': {
      const results = nest.batch.size * nest.m.size * nest.n.size;
      return 2 * results * nest.k.size + results * (opsIn(values(nest.stores, nest.reductions)) + steps(nest.reductions));
    }
    case 'pack': return nest.batch.size * nest.n.size * nest.k.size * opsIn([nest.b]);
    default: return nest satisfies never;
  }
}

function opsIn(exprs: readonly Expr[]): number {
  let count = 0;
  visit(exprs, (e) => { if (e.kind === 'op' && e.dtype === 'f32' && e.fn !== 'select') count++; });
  return count;
}

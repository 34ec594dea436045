/** Proves of a plan what a backend must be able to trust: every index in bounds, no two live buffers on the same bytes, every read preceded by a write. */
import { InternalError } from '../base/index.ts';
import type { Expr, Ix } from '../scalar/index.ts';
import { bytesOf } from './arena.ts';
import type { Lifetime } from './arena.ts';
import type { Nest, Store } from './nest.ts';
import type { Buffer, Plan } from './plan.ts';
import { visit } from './rewrite.ts';

export function verify(plan: Plan, lifetimes: readonly Lifetime[]): void {
  for (const kernel of plan.kernels) for (const nest of kernel.phases.flat()) verifyBounds(nest, kernel.name);
  verifyOverlaps(lifetimes, plan.arenaBytes);
  verifyOrder(plan);
}

function verifyBounds(nest: Nest, kernel: string): void {
  const inside = (buffer: Buffer, index: Ix): void => {
    if (buffer.size > 0 && (index.min < 0 || index.max >= buffer.size)) {
      throw new InternalError(`kernel ${kernel}: index ${index.key} reaches ${index.min}..${index.max} of ${buffer.name}, which has ${buffer.size} elements`);
    }
  };
  for (const s of storesOf(nest)) inside(s.buffer, s.ix);
  visit(expressionsOf(nest), (e) => { if (e.kind === 'load') inside(e.source as Buffer, e.ix); });
}

/** All stores of a nest. */
export function storesOf(nest: Nest): Store[] {
  switch (nest.kind) {
    case 'map': return [...nest.stores];
    case 'reduce': return [...nest.stores, ...nest.finish];
    case 'finish': return [...nest.stores];
    case 'walk': return nest.stages.flatMap((s) => [...s.stores, ...s.rowStores]);
    case 'contract': return [...nest.stores];
    case 'pack': return [];
    default: return nest satisfies never;
  }
}

/** All expressions of a nest. */
export function expressionsOf(nest: Nest): Expr[] {
  const values = storesOf(nest).map((s) => s.value);
  switch (nest.kind) {
    case 'map': return values;
    case 'finish': return values;
    case 'reduce': return [...values, ...nest.reductions.map((r) => r.value)];
    case 'walk': return [...values, ...nest.stages.flatMap((s) => s.reductions.map((r) => r.value)), ...nest.accumulations.map((a) => a.reduction.value)];
    case 'contract': return [...values, nest.a, nest.b, ...nest.reductions.map((r) => r.value)];
    case 'pack': return [nest.b];
    default: return nest satisfies never;
  }
}

function verifyOverlaps(lifetimes: readonly Lifetime[], arenaBytes: number): void {
  for (const [i, a] of lifetimes.entries()) {
    const end = a.buffer.offset + bytesOf(a.buffer);
    if (a.buffer.offset < 0 || end > arenaBytes) throw new InternalError(`${a.buffer.name} lies outside the arena`);
    for (const b of lifetimes.slice(i + 1)) {
      if (a.first > b.last || b.first > a.last) continue;
      if (a.buffer.offset < b.buffer.offset + bytesOf(b.buffer) && b.buffer.offset < end) throw new InternalError(`${a.buffer.name} and ${b.buffer.name} overlap in the arena`);
    }
  }
}

function verifyOrder(plan: Plan): void {
  const written = new Set<Buffer>(plan.buffers.filter((b) => b.kind === 'input' || b.kind === 'constant' || (b.kind === 'ref' && !b.renewed)));
  const overwritten = new Set<object>();
  for (const kernel of plan.kernels) {
    for (const b of kernel.reads) {
      if (!written.has(b) && b.size > 0) throw new InternalError(`kernel ${kernel.name} reads ${b.name} before anything wrote it`);
      if (b.ref && !b.renewed && overwritten.has(b.ref)) throw new InternalError(`kernel ${kernel.name} reads ${b.name} after it was overwritten`);
    }
    for (const b of kernel.writes) {
      written.add(b);
      if (b.ref) overwritten.add(b.ref);
    }
  }
}

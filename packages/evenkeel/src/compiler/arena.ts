/** Gives every buffer its place: buffers whose lifetimes overlap never share bytes. */
import { BYTES_PER_ELEMENT } from '../base/index.ts';
import type { Nest, Store } from './nest.ts';
import type { Buffer, Kernel } from './plan.ts';

/** Every buffer starts on a cache line of its own, so that two threads never write one line. */
export const ALIGNMENT = 64;

export interface Lifetime { readonly buffer: Buffer; readonly first: number; readonly last: number }

/** Sets offsets and returns the bytes of the arena. Inputs, constants and outputs keep their place for the plan's whole life. */
export function placeBuffers(buffers: readonly Buffer[], kernels: readonly Kernel[]): { bytes: number; lifetimes: readonly Lifetime[] } {
  const lifetimes = lifetimesOf(buffers, kernels);
  const placed: Lifetime[] = [];
  let bytes = 0;
  const bySize = [...lifetimes].sort((a, b) => b.buffer.size - a.buffer.size || a.first - b.first);
  for (const item of bySize) {
    const size = bytesOf(item.buffer);
    const rivals = placed.filter((o) => o.first <= item.last && item.first <= o.last).sort((a, b) => a.buffer.offset - b.buffer.offset);
    let offset = 0;
    for (const rival of rivals) {
      if (offset + size <= rival.buffer.offset) break;
      offset = Math.max(offset, rival.buffer.offset + bytesOf(rival.buffer));
    }
    item.buffer.offset = offset;
    bytes = Math.max(bytes, offset + size);
    placed.push(item);
  }
  return { bytes, lifetimes };
}

/** Bytes with the padding: a vector that runs over the end of a buffer stays within its line. */
export function bytesOf(buffer: Buffer): number {
  return Math.ceil((buffer.size * BYTES_PER_ELEMENT) / ALIGNMENT) * ALIGNMENT;
}

function lifetimesOf(buffers: readonly Buffer[], kernels: readonly Kernel[]): Lifetime[] {
  const first = new Map<Buffer, number>();
  const last = new Map<Buffer, number>();
  kernels.forEach((kernel, i) => {
    for (const b of touched(kernel)) {
      if (!first.has(b)) first.set(b, i);
      last.set(b, i);
    }
  });
  const out: Lifetime[] = [];
  for (const buffer of buffers) {
    if (buffer.kind === 'ref') continue;
    if (buffer.kind === 'temp') {
      if (first.has(buffer)) out.push({ buffer, first: first.get(buffer)!, last: last.get(buffer)! });
    } else out.push({ buffer, first: -1, last: kernels.length });
  }
  return out;
}

/** Everything a kernel reads or writes, its private buffers included. */
export function touched(kernel: Kernel): Set<Buffer> {
  const all = new Set<Buffer>([...kernel.reads, ...kernel.writes]);
  for (const nest of kernel.phases.flat()) for (const b of privateBuffers(nest)) all.add(b);
  return all;
}

function privateBuffers(nest: Nest): Buffer[] {
  const stores = (list: readonly Store[]): Buffer[] => list.map((s) => s.buffer);
  switch (nest.kind) {
    case 'map': return stores(nest.stores);
    case 'reduce': return [...(nest.partial ? [nest.partial] : []), ...stores(nest.stores)];
    case 'finish': return [...nest.inputs.map((i) => i.partial), ...stores(nest.stores)];
    case 'walk': return nest.accumulations.map((a) => a.partial);
    case 'contract': return [nest.partial, nest.packed, nest.columnSums, typeof nest.left === 'object' ? nest.left.table : undefined].filter((b) => b !== undefined);
    case 'pack': return [nest.packed];
    default: return nest satisfies never;
  }
}

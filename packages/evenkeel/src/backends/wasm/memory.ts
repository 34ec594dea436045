/** The one WebAssembly memory of a device. Its first page is the control block that threads meet at; the rest is regions. */
import { BYTES_PER_ELEMENT, Fault } from '../../base/index.ts';
import type { DType, TypedArray } from '../../base/index.ts';
import type { NamedTensor } from '../backend.ts';
import { Regions } from './regions.ts';

const PAGE = 65536;
/** 4 GiB, all that 32-bit addresses reach. */
const MOST_PAGES = 65536;
/** A device that cannot reserve this much is of no use. */
const FEWEST_PAGES = 256;
/** Memory grows by at least this much, so that loading a model does not grow it for every tensor. */
const GROWTH_PAGES = 64;

export class DeviceMemory {
  readonly memory: WebAssembly.Memory;
  readonly maxPages: number;
  private readonly regions = new Regions(PAGE);

  constructor(shared: boolean) {
    const { memory, maxPages } = reserve(shared);
    this.memory = memory;
    this.maxPages = maxPages;
  }

  get bytesInUse(): number {
    return this.regions.bytesInUse;
  }

  /** @param holders tensors of which the largest are named when the memory is full. @throws Fault E601 then */
  allocate(bytes: number, holders: () => readonly NamedTensor[] = () => []): number {
    const address = this.regions.allocate(bytes, this.maxPages * PAGE);
    if (address === undefined || !this.growTo(address + bytes)) {
      if (address !== undefined) this.regions.release(address);
      throw this.full(bytes, largestTensors(holders()));
    }
    return address;
  }

  release(address: number): void {
    this.regions.release(address);
  }

  /** The elements at an address, to be used at once: growth makes it stale. */
  view(address: number, dtype: DType, size: number): TypedArray {
    const { buffer } = this.memory;
    switch (dtype) {
      case 'f32': return new Float32Array(buffer, address, size);
      case 'u32': return new Uint32Array(buffer, address, size);
      case 'i32': case 'bool': return new Int32Array(buffer, address, size);
      default: return dtype satisfies never;
    }
  }

  private growTo(bytes: number): boolean {
    const missing = Math.ceil(bytes / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing <= 0) return true;
    const room = this.maxPages - this.memory.buffer.byteLength / PAGE;
    for (const pages of [Math.min(room, Math.max(missing, GROWTH_PAGES)), missing]) {
      try {
        this.memory.grow(pages);
        return true;
      } catch {
        // The engine refuses by a RangeError; the smaller step, then the caller's Fault, are the answer to it.
      }
    }
    return false;
  }

  private full(bytes: number, holders: readonly string[]): Fault {
    const mib = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`;
    return new Fault({
      code: 'E601', op: 'memory', rule: 'the device memory is full',
      detail: [`needed ${mib(bytes)} more; in use ${mib(this.bytesInUse)} of at most ${mib(this.maxPages * PAGE)}`, ...holders],
      hint: 'use a smaller batch, dispose steps and models that are no longer needed, or make the largest tensors smaller',
    });
  }
}

/** One line for each of the largest tensors. */
function largestTensors(tensors: readonly NamedTensor[]): string[] {
  const mib = (t: NamedTensor): string => ((t.size * BYTES_PER_ELEMENT) / 2 ** 20).toFixed(1);
  const largest = [...tensors].sort((a, b) => b.size - a.size).slice(0, 5);
  return largest.map((t) => `${mib(t)} MiB  ${t.name} [${t.shape.join(', ')}]${t.where ? ` in ${t.where}` : ''}`);
}

/** Address space for as much as the host allows, up to 4 GiB. */
function reserve(shared: boolean): { memory: WebAssembly.Memory; maxPages: number } {
  let refusal: unknown;
  for (let maxPages = MOST_PAGES; maxPages >= FEWEST_PAGES; maxPages /= 2) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 1, maximum: maxPages, shared }), maxPages };
    } catch (error) {
      refusal = error;
    }
  }
  throw new Fault({
    code: 'E602', op: 'memory', rule: 'the host refused to reserve memory', detail: [String(refusal)],
    hint: 'close other pages or processes, or raise the memory limit',
  });
}

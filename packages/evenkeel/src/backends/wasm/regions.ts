/** Which bytes of a memory are free: first fit over a list in address order, neighbours joined on release. */
import { InternalError } from '../../base/index.ts';

/** Every region starts and ends on a cache line. */
const ALIGNMENT = 64;

interface Region { address: number; bytes: number }

export class Regions {
  private readonly free: Region[] = [];
  private readonly sizes = new Map<number, number>();
  private end: number;
  private used = 0;

  /** @param start the first byte that may be handed out; multiple of 64 */
  constructor(start: number) {
    this.end = start;
  }

  /** Bytes handed out now. */
  get bytesInUse(): number {
    return this.used;
  }

  /** The address of a free region, or undefined if the memory would grow beyond `limit` bytes. */
  allocate(bytes: number, limit: number): number | undefined {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const address = this.fromFree(size) ?? this.fromEnd(size, limit);
    if (address === undefined) return undefined;
    this.sizes.set(address, size);
    this.used += size;
    return address;
  }

  release(address: number): void {
    const bytes = this.sizes.get(address);
    if (bytes === undefined) throw new InternalError(`address ${address} was released, but it is not allocated`);
    this.sizes.delete(address);
    this.used -= bytes;
    let at = this.free.findIndex((r) => r.address > address);
    if (at < 0) at = this.free.length;
    this.free.splice(at, 0, { address, bytes });
    this.join(at);
    if (at > 0) this.join(at - 1);
  }

  private fromFree(size: number): number | undefined {
    const at = this.free.findIndex((r) => r.bytes >= size);
    if (at < 0) return undefined;
    const region = this.free[at];
    const { address } = region;
    if (region.bytes === size) this.free.splice(at, 1);
    else {
      region.address += size;
      region.bytes -= size;
    }
    return address;
  }

  private fromEnd(size: number, limit: number): number | undefined {
    const last = this.free.at(-1);
    const address = last && last.address + last.bytes === this.end ? last.address : this.end;
    if (address + size > limit) return undefined;
    if (address !== this.end) this.free.pop();
    this.end = address + size;
    return address;
  }

  /** Joins region `at` with its right neighbour if they touch. */
  private join(at: number): void {
    const left = this.free[at];
    const right = this.free[at + 1];
    if (!left || !right || left.address + left.bytes !== right.address) return;
    left.bytes += right.bytes;
    this.free.splice(at + 1, 1);
  }
}

/** Memory on the host, and plans as a list of closures, one for each loop nest. */
import { allocate } from '../../base/index.ts';
import type { DType, TypedArray } from '../../base/index.ts';
import type { Buffer, Plan } from '../../compiler/index.ts';
import type { Backend, Device, Executable } from '../backend.ts';
import { prepareNest } from './nests.ts';
import { Scope } from './scope.ts';
import type { View } from './scope.ts';

/** Runs everywhere, on one thread. */
export const plain: Backend = {
  name: 'plain',
  open: async () => new PlainDevice(),
};

const ALIGNMENT = 64;

class PlainDevice implements Device {
  readonly threads = 1;
  private readonly regions = new Map<number, ArrayBuffer>();
  private next = ALIGNMENT;
  private used = 0;

  get bytesInUse(): number { return this.used; }

  allocate(bytes: number): number {
    const address = this.next;
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    this.regions.set(address, new ArrayBuffer(size));
    this.next += size;
    this.used += size;
    return address;
  }

  release(address: number): void {
    this.used -= this.regions.get(address)?.byteLength ?? 0;
    this.regions.delete(address);
  }

  write(address: number, data: TypedArray): void {
    viewOf(this.regions.get(address)!, 0, data instanceof Float32Array ? 'f32' : 'i32', data.length).set(data);
  }

  read(address: number, dtype: DType, size: number): TypedArray {
    return viewOf(this.regions.get(address)!, 0, dtype, size).slice();
  }

  async load(plan: Plan, refAddress: (ref: object) => number): Promise<Executable> {
    const arena = this.allocate(plan.arenaBytes);
    const view: View = (b, dtype) => (b.ref ? viewOf(this.regions.get(refAddress(b.ref))!, 0, dtype, b.size) : viewOf(this.regions.get(arena)!, b.offset, dtype, b.size));
    for (const buffer of plan.buffers) if (buffer.data) view(buffer, buffer.dtype).set(buffer.data);
    const nests = plan.kernels.flatMap((kernel) => kernel.phases.flat()).map((nest) => prepareNest(nest, new Scope(view)));
    return {
      arenaBytes: plan.arenaBytes,
      run: async () => { for (const run of nests) run(); },
      write: (buffer: Buffer, data: TypedArray) => view(buffer, buffer.dtype).set(data),
      read: (buffer: Buffer) => view(buffer, buffer.dtype).slice(),
      dispose: () => this.release(arena),
    };
  }

  async close(): Promise<void> {
    this.regions.clear();
    this.used = 0;
  }
}

/** Elements as they lie in memory; a bool is 0 or 1 in an i32. */
function viewOf(memory: ArrayBuffer, offset: number, dtype: DType, size: number): TypedArray {
  const { constructor } = allocate(dtype, 0);
  return new (constructor as new (buffer: ArrayBuffer, offset: number, size: number) => TypedArray)(memory, offset, size);
}

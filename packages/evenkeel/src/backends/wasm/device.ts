/** The WebAssembly backend: one memory, one module for each plan, all cores. */
import { Fault } from '../../base/index.ts';
import type { DType, TypedArray } from '../../base/index.ts';
import { kernelProgram, scratchBytesOf } from '../../compiler/index.ts';
import type { Buffer, Plan, Tile } from '../../compiler/index.ts';
import type { Backend, Device, DeviceOptions, Executable, NamedTensor } from '../backend.ts';
import { compileModule, pairsVectors } from './compile-module.ts';
import { emitProgram } from './emit.ts';
import { probeFeatures } from './features.ts';
import type { Features } from './features.ts';
import { DeviceMemory } from './memory.ts';
import { InlinePool, ThreadPool } from './pool.ts';
import type { Pool } from './pool.ts';
import { CONTROL } from './thread-source.ts';

/** Needs vectors (SIMD); uses relaxed SIMD and threads where the host has them. */
export const wasm: Backend = {
  name: 'wasm',
  async open(options: DeviceOptions): Promise<Device> {
    const features = probeFeatures();
    if (features.simd) return new WasmDevice(features, options.threads ?? defaultThreads());
    throw new Fault({
      code: 'E604', op: 'wasm', rule: 'this host has no WebAssembly vectors (SIMD)',
      hint: "update the browser or Node, or call configure({ backend: 'plain' })",
    });
  },
};

function defaultThreads(): number {
  return Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1);
}

/**
 * True for a plan that one thread finishes in about the time that waking the others takes (15 to 150 us from call to continuation
 * on two cores), by its memory traffic at 8 GB/s and its arithmetic at 20 GFLOP/s.
 */
function isSmall(plan: Plan): boolean {
  const seconds = plan.kernels.reduce((s, k) => s + (k.bytesRead + k.bytesWritten) / 8e9 + k.flops / 20e9, 0);
  return seconds < 5e-5;
}

interface Code { readonly modules: readonly WebAssembly.Module[]; readonly entry: string }

class WasmDevice implements Device {
  /** Register tile of matrix products: four vectors wide where the engine pairs them to 256 bits. */
  readonly tile: Tile = { rows: 6, vectors: pairsVectors() ? 4 : 2, lanes: 4 };
  private readonly features: Features;
  private readonly store: DeviceMemory;
  private readonly pool: Pool;
  private readonly shared: boolean;

  constructor(features: Features, threads: number) {
    this.features = features;
    this.shared = features.threads && threads > 1;
    this.store = new DeviceMemory(this.shared);
    this.pool = this.shared ? new ThreadPool(this.store.memory, threads) : new InlinePool(this.store.memory);
  }

  get threads(): number { return this.pool.threads; }
  get bytesInUse(): number { return this.store.bytesInUse; }

  allocate(bytes: number, holders?: () => readonly NamedTensor[]): number {
    return this.store.allocate(bytes, holders);
  }

  release(address: number): void {
    this.store.release(address);
  }

  write(address: number, data: TypedArray): void {
    this.store.view(address, data instanceof Float32Array ? 'f32' : 'i32', data.length).set(data);
  }

  read(address: number, dtype: DType, size: number): TypedArray {
    return this.store.view(address, dtype, size).slice();
  }

  async load(plan: Plan, refAddress: (ref: object) => number): Promise<Executable> {
    const small = isSmall(plan);
    // They start on other cores while this one writes the module.
    if (!small) this.pool.prepare();
    const places = new Map<Buffer, number>();
    for (const buffer of plan.refs) places.set(buffer, refAddress(buffer.ref!));
    const bytes = plan.arenaBytes + this.threads * scratchBytesOf(plan);
    const arena = this.store.allocate(bytes, () => plan.buffers.filter((b) => b.kind !== 'ref'));
    try {
      for (const buffer of plan.buffers) if (buffer.kind !== 'ref') places.set(buffer, arena + buffer.offset);
      for (const buffer of plan.buffers) if (buffer.data) this.fill(places.get(buffer)!, buffer, buffer.data);
      const { modules, entry } = await this.modulesOf(plan, places, arena + plan.arenaBytes);
      return this.executable(arena, bytes, places, this.pool.load(modules, entry, small));
    } catch (error) {
      this.store.release(arena);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  private async modulesOf(plan: Plan, places: ReadonlyMap<Buffer, number>, scratch: number): Promise<Code> {
    const program = kernelProgram(plan, { of: (buffer) => places.get(buffer)!, scratch });
    const parts = emitProgram(program, {
      shared: this.shared, relaxed: this.features.relaxed, maxPages: this.store.maxPages, barrierAddress: CONTROL.barrier * 4,
    }, pairsVectors());
    // Pages must compile large modules asynchronously; Node compiles them better at once.
    const modules = typeof document === 'undefined' ? parts.map(compileModule) : await Promise.all(parts.map(({ bytes }) => WebAssembly.compile(bytes)));
    return { modules, entry: program.functions.at(-1)!.name };
  }

  private executable(arena: number, arenaBytes: number, places: ReadonlyMap<Buffer, number>, id: number): Executable {
    const { pool, store } = this;
    let disposed = false;
    return {
      arenaBytes,
      run: () => pool.run(id),
      write: (buffer, data) => this.fill(places.get(buffer)!, buffer, data),
      read: (buffer) => store.view(places.get(buffer)!, buffer.dtype, buffer.size).slice(),
      dispose: () => {
        if (disposed) return;
        disposed = true;
        pool.unload(id);
        store.release(arena);
      },
    };
  }

  private fill(address: number, buffer: Buffer, data: TypedArray): void {
    this.store.view(address, buffer.dtype, buffer.size).set(data);
  }
}

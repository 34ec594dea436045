/** What a backend offers: a device with memory of its own, and plans made ready to run on it. */
import type { DType, TypedArray } from '../base/index.ts';
import type { Buffer, Plan, Tile } from '../compiler/index.ts';

export interface DeviceOptions {
  /** Threads that a step runs on; default: as many as the machine runs at once. */
  readonly threads?: number;
}

export interface Backend {
  readonly name: string;
  /** Starts a device. @throws Fault E6xx where the host lacks what the backend needs */
  open(options: DeviceOptions): Promise<Device>;
}

/** What an error says about a tensor. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly where?: string;
}

/** Memory and threads. Addresses are bytes, multiples of 64. */
export interface Device {
  readonly threads: number;
  /** The register tile of matrix products that suits it; default: the compiler's. */
  readonly tile?: Tile;
  /** Bytes that are allocated now. */
  readonly bytesInUse: number;
  /** @param holders tensors of which the largest are named when the memory is full. @throws Fault E601 then */
  allocate(bytes: number, holders?: () => readonly NamedTensor[]): number;
  release(address: number): void;
  /** Elements as they lie in memory; a bool is 0 or 1 in an i32. */
  write(address: number, data: TypedArray): void;
  /** A copy. */
  read(address: number, dtype: DType, size: number): TypedArray;
  /** Makes a plan ready: places its arena, writes its constants, builds its code. `refAddress` is where a ref's values lie. */
  load(plan: Plan, refAddress: (ref: object) => number): Promise<Executable>;
  /** Ends the threads and frees the memory. */
  close(): Promise<void>;
}

/** One loaded plan. Runs on one device never overlap: the runtime waits for one before it starts the next. */
export interface Executable {
  readonly arenaBytes: number;
  run(): Promise<void>;
  write(buffer: Buffer, data: TypedArray): void;
  /** A copy. */
  read(buffer: Buffer): TypedArray;
  dispose(): void;
}

/** A plan is a compiled program: buffers with their places in one arena, and kernels in order. Pure data; backends run it. */
import type { DType, Shape, TypedArray } from '../base/index.ts';
import type { Source } from '../scalar/index.ts';
import type { Nest } from './nest.ts';

export interface Buffer extends Source {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Elements. */
  readonly size: number;
  /**
   * input: written by the host before a run. constant: written once when the plan is loaded. output: read by the host after a run.
   * ref: lives outside the arena, bound when the plan is loaded. temp: lives between the kernels that write and read it.
   */
  readonly kind: 'input' | 'constant' | 'output' | 'ref' | 'temp';
  /** Byte offset in the arena (multiple of 64), set by the arena planner; -1 for a ref. */
  offset: number;
  /** kind constant: its values. */
  readonly data?: TypedArray;
  /** kind ref: the object whose storage this is. */
  readonly ref?: object;
  /** kind ref: the value after the step, written over the old one in place. */
  readonly renewed?: boolean;
  /** kind input: values must lie in 0 .. bound-1, because they index something; the runtime checks before a run. */
  bound?: number;
  /** Model path of the node that made it, for memory errors. */
  readonly where?: string;
}

/** Nests that run between two barriers; their parallel pieces are shared out over the threads. */
export type Phase = readonly Nest[];

export interface Kernel {
  readonly name: string;
  readonly phases: readonly Phase[];
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly flops: number;
  /** Why it was not fused with its neighbours. */
  readonly notes: readonly string[];
}

export interface Plan {
  readonly buffers: readonly Buffer[];
  readonly inputs: readonly Buffer[];
  readonly outputs: readonly Buffer[];
  readonly refs: readonly Buffer[];
  readonly kernels: readonly Kernel[];
  /** Bytes of the arena: every buffer but the refs. */
  readonly arenaBytes: number;
}

/** What this machine's WebAssembly can do, found by validating tiny modules. */
import { assemble, Bytes } from './assembler.ts';
import { ATOMIC, CORE, SIMD } from './opcodes.ts';

export interface Features {
  /** 128-bit vectors: required by every kernel. */
  readonly simd: boolean;
  /** Relaxed SIMD: fused multiply-add. */
  readonly relaxed: boolean;
  /** Shared memory and atomics, and a page that may use them (cross-origin isolated). */
  readonly threads: boolean;
}

/** Asks the engine; costs a few microseconds. */
export function probeFeatures(): Features {
  const simd = zero(new Bytes());
  const relaxed = zero(zero(zero(new Bytes())));
  const atomic = new Bytes().byte(CORE.const).i32(0).byte(0xfe).u32(ATOMIC.load).u32(2).u32(0);
  return {
    simd: validates(simd, false),
    relaxed: validates(relaxed.byte(0xfd).u32(SIMD.relaxedMadd), false),
    threads: mayShare() && validates(atomic, true),
  };
}

function zero(code: Bytes): Bytes {
  return code.byte(0xfd).u32(SIMD.const).raw(new Uint8Array(16));
}

function validates(code: Bytes, shared: boolean): boolean {
  const functions = [{ params: 0, locals: [], code: code.byte(CORE.drop) }];
  return WebAssembly.validate(assemble({ memory: { minPages: 1, maxPages: 1, shared }, imports: [], functions, exports: [] }));
}

/** Browsers say by `crossOriginIsolated` whether memory may be shared; other hosts do not have the word. */
function mayShare(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated !== false;
}

/**
 * Compiles modules so that their first call is already optimized. In Node V8 flags hold while a module compiles: no baseline
 * compiler, no lazy compilation, and for the inner kernels of matrix products the pairing of neighbouring 128-bit vectors into
 * 256-bit ones (Xeon with AVX2, Node 24, one thread, 6x16 tile: 42 GFLOP/s without it, 105 with it; 6x8 tile without it: 56).
 * Other kernels wait for memory: paired or not, they take the same time (layer norm, group norm, batch norm, exp, erf within 10 %).
 */
import type { EmittedModule } from './emit.ts';


/** V8 versions whose pairing was tested. */
const PAIRING_SINCE = 13;
const PAIRING_UNTIL = 14;

const WHILE_COMPILING = ['--no-liftoff', '--no-wasm-lazy-compilation'];
const PAIRING = '--experimental-wasm-revectorize';
const AFTERWARDS = ['--liftoff', '--wasm-lazy-compilation', '--no-experimental-wasm-revectorize'];

/** `new WebAssembly.Module(bytes)`, optimized at once where the host allows it. The flags of the process are as before afterwards. */
export function compileModule({ bytes, paired }: EmittedModule): WebAssembly.Module {
  const setFlag = flagSetter();
  if (!setFlag) return new WebAssembly.Module(bytes);
  for (const flag of paired ? [...WHILE_COMPILING, PAIRING] : WHILE_COMPILING) setFlag(flag);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of AFTERWARDS) setFlag(flag);
  }
}

/** What the last module exports; each finds in env the memory and what those before it export. */
export function link(modules: readonly WebAssembly.Module[], memory: WebAssembly.Memory): WebAssembly.Exports {
  return modules.reduce<WebAssembly.Exports>((found, module) => ({ ...found, ...new WebAssembly.Instance(module, { env: { ...found, memory } }).exports }), {});
}

/** Whether `compileModule` makes one 256-bit instruction of two neighbouring vectors; tiles are then best four vectors wide, else two. */
export function pairsVectors(): boolean {
  return flagSetter() !== undefined && process.arch === 'x64';
}

/** V8's flags exist in Node alone; Bun and Deno carry a process of their own, and pages have none. EVENKEEL_V8_FLAGS=off leaves them alone. */
function flagSetter(): ((flag: string) => void) | undefined {
  if (typeof process === 'undefined' || process.release?.name !== 'node') return undefined;
  if ('bun' in process.versions || 'deno' in process.versions || process.env.EVENKEEL_V8_FLAGS === 'off') return undefined;
  const version = Number.parseInt(process.versions.v8 ?? '', 10);
  if (!(version >= PAIRING_SINCE && version <= PAIRING_UNTIL)) return undefined;
  const v8 = process.getBuiltinModule?.('node:v8');
  return v8 && ((flag) => v8.setFlagsFromString(flag));
}

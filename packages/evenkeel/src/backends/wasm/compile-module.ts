/**
 * Compiles a module so that its first call is already optimized. In Node three V8 flags hold while the module compiles: no baseline
 * compiler, no lazy compilation, and the pairing of neighbouring 128-bit vectors into 256-bit ones, which doubles a matrix product
 * (Xeon with AVX2, Node 24, one thread, 6x16 tile: 42 GFLOP/s without it, 105 with it; 6x8 tile without it: 56).
 */

/** V8 versions whose pairing was tested. */
const PAIRING_SINCE = 13;
const PAIRING_UNTIL = 14;

const WHILE_COMPILING = ['--no-liftoff', '--no-wasm-lazy-compilation'];
const PAIRING = '--experimental-wasm-revectorize';
const AFTERWARDS = ['--liftoff', '--wasm-lazy-compilation', '--no-experimental-wasm-revectorize'];

/**
 * `new WebAssembly.Module(bytes)`, optimized at once where the host allows it. The flags of the process are as before afterwards.
 * @param pairs  whether neighbouring vectors may be paired (default); see lane-joins.ts
 */
export function compileModule(bytes: Uint8Array<ArrayBuffer>, pairs = true): WebAssembly.Module {
  const setFlag = flagSetter();
  if (!setFlag) return new WebAssembly.Module(bytes);
  for (const flag of pairs ? [...WHILE_COMPILING, PAIRING] : WHILE_COMPILING) setFlag(flag);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of AFTERWARDS) setFlag(flag);
  }
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

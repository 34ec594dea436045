/** Runs one vector function as WebAssembly. */
import { compileModule } from '../../src/backends/wasm/compile-module.ts';
import { emitModule, type EmitOptions } from '../../src/backends/wasm/emit.ts';
import type { VectorProgram } from '../../src/compiler/vector/index.ts';

type Entry = (...args: number[]) => void;

/** The exports of a program and its memory. */
export function instantiate(program: VectorProgram, pages: number, options: Partial<EmitOptions> = {}): { memory: WebAssembly.Memory; exports: Readonly<Record<string, Entry>> } {
  const shared = options.shared ?? false;
  const bytes = emitModule(program, { shared, relaxed: false, maxPages: pages, barrierAddress: 0, ...options });
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  const { exports } = new WebAssembly.Instance(compileModule({ bytes, paired: false }), { env: { memory } });
  return { memory, exports: exports as unknown as Record<string, Entry> };
}

import { describe, expect, test } from 'vitest';
import { compileModule, link, pairsVectors } from '../../../src/backends/wasm/compile-module.ts';
import { emitProgram } from '../../../src/backends/wasm/emit.ts';
import type { EmittedModule } from '../../../src/backends/wasm/emit.ts';
import { kernelProgram, plan } from '../../../src/compiler/index.ts';
import type { VectorProgram } from '../../../src/compiler/vector/index.ts';
import { build as b } from '../../../src/graph/index.ts';
import type { Program } from '../../../src/graph/index.ts';
import { backendCheck, Sketch } from '../../support/check-backends.ts';
import { randomNetwork } from '../../support/random-network.ts';
import { modulesWithHalfSlots } from '../../support/spill-slots.ts';

const check = backendCheck();
const ARENA = 65536;
const REFS = 1 << 20;
const OPTIONS = { shared: false, relaxed: true, maxPages: 65536, barrierAddress: 0 };

/** A program's kernels, its refs one after another behind the arena. */
function kernelsOf(program: Program): VectorProgram {
  const compiled = plan(program, { tile: { rows: 6, vectors: 4, lanes: 4 } });
  const places = new Map<object, number>();
  for (const { ref } of compiled.refs) if (!places.has(ref!)) places.set(ref!, REFS * (1 + places.size));
  return kernelProgram(compiled, { of: (x) => (x.ref ? places.get(x.ref)! : ARENA + x.offset), scratch: REFS * 200 });
}

function modulesOf(program: Program): EmittedModule[] {
  return emitProgram(kernelsOf(program), OPTIONS, true);
}

/** [m, k] x [k, n]. */
function product(m: number, k: number, n: number): Program {
  const s = new Sketch();
  return s.finish([b.dot(s.input([m, k]), s.input([k, n]), { batch: 0, contract: 1 })]).program;
}

describe('kernels whose vectors are paired', () => {
  test('are those of products alone, in a module of their own', () => {
    const functions = kernelsOf(product(7, 64, 40)).functions;
    expect(functions.map(({ name, paired = false }) => [name.split('_').length > 3, paired]).every(([inner, paired]) => inner === paired)).toBe(true);
    expect(modulesOf(product(7, 64, 40)).map(({ paired }) => paired)).toEqual([true, false]);
    const s = new Sketch();
    const x = s.input([9, 33]);
    const softmax = b.exp(b.sub(x, b.expand(b.reduce(x, 'softmax', 'lse', [1]), x.shape, [1])));
    expect(modulesOf(s.finish([softmax, b.transpose(x, [1, 0])]).program).map(({ paired }) => paired)).toEqual([false]);
  });

  test('are found by the modules that call them', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    expect(Object.keys(link(modulesOf(product(7, 64, 40)).map(compileModule), memory))).toContain('run');
  });
});

describe.runIf(pairsVectors())('machine code of paired vectors', () => {
  test('reads no stack slot of which it has written half', () => {
    const sizes = [1, 2, 3, 4, 5, 6, 7, 13].flatMap((m) => [[m, 5, 17], [m, 300, 64], [m, 1000, 10]]);
    const programs = [...sizes.map(([m, k, n]) => product(m, k, n)), ...Array.from({ length: 40 }, (_, seed) => randomNetwork(seed).program)];
    const paired = programs.flatMap((program) => modulesOf(program).filter((module) => module.paired));
    expect(paired.length).toBeGreaterThan(sizes.length);
    expect(modulesWithHalfSlots(paired.map(({ bytes }) => bytes))).toEqual([]);
  }, 60_000);
});

test('an index split into digits of a deep expression is compiled in finite time', async () => {
  const s = new Sketch();
  const step = s.input([], { dtype: 'u32' });
  const bits = b.random(step, { seed: 1, site: 2, shape: [24] });
  const indices = b.cast(b.mod(bits, b.fullLike(bits, 35)), 'i32');
  const table = b.reshape(b.transpose(b.iota([5, 7], 1), [1, 0]), [35]);
  await check(s.finish([b.gather(table, indices), b.shr(bits, bits), b.shl(bits, b.shr(bits, b.fullLike(bits, 3)))]));
});

import { describe, expect, test } from 'vitest';
import { pairsVectors } from '../../../src/backends/wasm/compile-module.ts';
import { emitModule } from '../../../src/backends/wasm/emit.ts';
import { joinsLanes } from '../../../src/backends/wasm/lane-joins.ts';
import { kernelProgram, plan } from '../../../src/compiler/index.ts';
import { build as b } from '../../../src/graph/index.ts';
import type { Node, Program } from '../../../src/graph/index.ts';
import { backendCheck, Sketch } from '../../support/check-backends.ts';
import type { Case } from '../../support/program-case.ts';
import { randomNetwork } from '../../support/random-network.ts';
import { modulesWithHalfSlots } from '../../support/spill-slots.ts';

const check = backendCheck();
const ARENA = 65536;
const REFS = 1 << 20;

/** A program's module, its refs one after another behind the arena. */
function moduleOf(program: Program): Uint8Array {
  const compiled = plan(program, { tile: { rows: 6, vectors: 4, lanes: 4 } });
  const places = new Map<object, number>();
  for (const { ref } of compiled.refs) if (!places.has(ref!)) places.set(ref!, REFS * (1 + places.size));
  const of = kernelProgram(compiled, { of: (x) => (x.ref ? places.get(x.ref)! : ARENA + x.offset), scratch: REFS * 200 });
  return emitModule(of, { shared: false, relaxed: true, maxPages: 65536, barrierAddress: 0 });
}

/** A reduction with arithmetic around it that needs more registers than there are. */
function reduction(rows: number, columns: number, axis: number, monoid: string, field: string, of: (x: Node) => Node): Case {
  const s = new Sketch();
  return s.finish([b.reduce(of(s.input([rows, columns])), monoid, field, [axis])]);
}

describe.runIf(pairsVectors())('machine code of paired vectors', () => {
  test('reads no stack slot of which it has written half', () => {
    const bodies: readonly ((x: Node) => Node)[] = [(x) => x, b.exp, (x) => b.mul(b.tanh(x), x), (x) => b.add(b.sin(x), b.cos(x))];
    const fields = [['softmax', 'lse'], ['softmax', 'logSum'], ['moments', 'm2'], ['argmax', 'value'], ['min', 'value']] as const;
    const cases = [4, 8, 10, 12, 13, 20, 28, 31].flatMap((n) => fields.flatMap(([monoid, field]) => bodies.flatMap((of) => [0, 1].map((axis) => reduction(131, n, axis, monoid, field, of)))));
    const networks = Array.from({ length: 20 }, (_, seed) => randomNetwork(seed));
    expect(modulesWithHalfSlots([...cases, ...networks].map((c) => moduleOf(c.program)))).toEqual([]);
  }, 60_000);
});

test('an index split into digits of a deep expression is compiled in finite time', async () => {
  const s = new Sketch();
  const step = s.input([], { dtype: 'u32' });
  const bits = b.random(step, { seed: 1, site: 2, shape: [24] });
  const indices = b.cast(b.mod(bits, b.fullLike(bits, 35)), 'i32');
  const table = b.reshape(b.transpose(b.iota([5, 7], 1), [1, 0]), [35]);
  const of = s.finish([b.gather(table, indices), b.shr(bits, bits), b.shl(bits, b.shr(bits, b.fullLike(bits, 3)))]);
  const compiled = plan(of.program);
  expect(joinsLanes(kernelProgram(compiled, { of: (x) => ARENA + x.offset, scratch: REFS }))).toBe(true);
  await check(of);
});

test('ordinary kernels join no lanes', () => {
  const s = new Sketch();
  const x = s.input([9, 33]);
  const softmax = b.exp(b.sub(x, b.expand(b.reduce(x, 'softmax', 'lse', [1]), x.shape, [1])));
  const { program } = s.finish([softmax, b.transpose(x, [1, 0]), b.gather(x, s.input([5], { dtype: 'i32' }))]);
  expect(joinsLanes(kernelProgram(plan(program), { of: (y) => ARENA + y.offset, scratch: REFS }))).toBe(false);
});

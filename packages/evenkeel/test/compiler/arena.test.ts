import { expect, it } from 'vitest';
import { ALIGNMENT, bytesOf, placeBuffers } from '../../src/compiler/arena.ts';
import { verify } from '../../src/compiler/verify.ts';
import { ix, literal, load } from '../../src/scalar/index.ts';
import type { Buffer, Kernel, Plan, Store } from '../../src/compiler/index.ts';

const buffer = (name: string, size: number, kind: Buffer['kind'] = 'temp'): Buffer => ({ name, dtype: 'f32', shape: [size], size, kind, offset: -1 });
const i = ix.variable('i', 8);
const copy = (from: Buffer, to: Buffer, shift = 0): Store => ({ buffer: to, ix: ix.ixOf(i), value: load(from, ix.offset(ix.ixOf(i), shift), 'f32') });
const kernel = (reads: Buffer[], writes: Buffer[], stores: Store[] = []): Kernel =>
  ({ name: 'test', phases: [[{ kind: 'map', vars: [i], stores }]], reads, writes, bytesRead: 0, bytesWritten: 0, flops: 0, notes: [] });
const planOf = (buffers: Buffer[], kernels: Kernel[]): Plan => ({ buffers, inputs: [], outputs: [], refs: [], kernels, arenaBytes: 1 << 20 });

it('gives buffers that live one after the other the same bytes', () => {
  const [x, a, b, c] = [buffer('x', 100, 'input'), buffer('a', 100), buffer('b', 100), buffer('c', 100)];
  const { bytes } = placeBuffers([x, a, b, c], [kernel([x], [a]), kernel([a], [b]), kernel([b], [c]), kernel([c], [])]);
  expect(a.offset).toBe(c.offset);
  expect(new Set([x.offset, a.offset, b.offset]).size).toBe(3);
  expect(bytes).toBe(3 * bytesOf(a));
});

it('aligns every buffer to a cache line and leaves out refs and unused temporaries', () => {
  const [x, a, unused] = [buffer('x', 3, 'input'), buffer('a', 5), buffer('unused', 1000)];
  const ref: Buffer = { ...buffer('ref', 7, 'ref'), ref: {} };
  const { bytes } = placeBuffers([x, a, unused, ref], [kernel([x, ref], [a])]);
  expect([x.offset % ALIGNMENT, a.offset % ALIGNMENT, bytes]).toEqual([0, 0, 2 * ALIGNMENT]);
  expect([unused.offset, ref.offset]).toEqual([-1, -1]);
});

it('keeps inputs, constants and outputs for the whole step', () => {
  const [x, out, t] = [buffer('x', 10, 'input'), buffer('out', 10, 'output'), buffer('t', 10)];
  placeBuffers([x, out, t], [kernel([x], [out]), kernel([], [t])]);
  expect(new Set([x.offset, out.offset, t.offset]).size).toBe(3);
});

it('the verifier refuses an index outside its buffer', () => {
  const [x, a] = [buffer('x', 8, 'input'), buffer('a', 8)];
  expect(() => verify(planOf([x, a], [kernel([x], [a], [copy(x, a, 1)])]), [])).toThrow(/reaches 1\.\.8 of x, which has 8 elements/);
  expect(() => verify(planOf([x, a], [kernel([x], [a], [copy(x, a)])]), [])).not.toThrow();
});

it('the verifier refuses to read what nobody wrote, or what was overwritten', () => {
  const [a, b] = [buffer('a', 8), buffer('b', 8)];
  expect(() => verify(planOf([a, b], [kernel([a], [b])]), [])).toThrow(/reads a before anything wrote it/);
  const storage = {};
  const old: Buffer = { ...buffer('r', 8, 'ref'), ref: storage };
  const renewed: Buffer = { ...buffer("r'", 8, 'ref'), ref: storage, renewed: true };
  const write = kernel([], [renewed], [{ buffer: renewed, ix: ix.ixOf(i), value: literal(0) }]);
  expect(() => verify(planOf([old, renewed, b], [write, kernel([old], [b])]), [])).toThrow(/reads r after it was overwritten/);
  expect(() => verify(planOf([old, renewed, b], [kernel([old], [b]), write]), [])).not.toThrow();
});

it('the verifier refuses live buffers on the same bytes', () => {
  const [a, b] = [{ ...buffer('a', 8), offset: 0 }, { ...buffer('b', 8), offset: 16 }];
  expect(() => verify(planOf([a, b], []), [{ buffer: a, first: 0, last: 2 }, { buffer: b, first: 2, last: 3 }])).toThrow(/a and b overlap/);
  expect(() => verify(planOf([a, b], []), [{ buffer: a, first: 0, last: 1 }, { buffer: b, first: 2, last: 3 }])).not.toThrow();
});

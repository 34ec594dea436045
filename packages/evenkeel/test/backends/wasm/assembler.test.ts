import { describe, expect, test } from 'vitest';
import { assemble, Bytes, I32, V128 } from '../../../src/backends/wasm/assembler.ts';
import { pairsVectors } from '../../../src/backends/wasm/compile-module.ts';
import { probeFeatures } from '../../../src/backends/wasm/features.ts';

const unsigned = (value: number): number[] => [...new Bytes().u32(value).finish()];
const signed = (value: number): number[] => [...new Bytes().i32(value).finish()];

describe('Bytes', () => {
  test('unsigned LEB128', () => {
    expect(unsigned(0)).toEqual([0]);
    expect(unsigned(127)).toEqual([0x7f]);
    expect(unsigned(128)).toEqual([0x80, 0x01]);
    expect(unsigned(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(unsigned(2 ** 32 - 1)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
  });
  test('signed LEB128', () => {
    expect(signed(63)).toEqual([0x3f]);
    expect(signed(64)).toEqual([0xc0, 0x00]);
    expect(signed(-1)).toEqual([0x7f]);
    expect(signed(-64)).toEqual([0x40]);
    expect(signed(-123456)).toEqual([0xc0, 0xbb, 0x78]);
    expect(signed(2 ** 31)).toEqual(signed(-(2 ** 31)));
  });
  test('grows as needed', () => {
    const bytes = new Bytes();
    for (let i = 0; i < 1000; i++) bytes.byte(i & 0xff);
    expect(bytes.finish()).toEqual(Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff));
  });
});

test('a module of one empty function', () => {
  const bytes = assemble({
    memory: { minPages: 1, maxPages: 2, shared: false },
    imports: [],
    functions: [{ params: 1, locals: [I32, I32, V128, I32], code: new Bytes() }],
    exports: [{ name: 'f', index: 0 }],
  });
  expect(WebAssembly.validate(bytes)).toBe(true);
  const module = new WebAssembly.Module(bytes);
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
  expect(WebAssembly.Module.exports(module)).toEqual([{ name: 'f', kind: 'function' }]);
});

test('a module that passes an import on to its own function', () => {
  const body = new Bytes().byte(0x20).u32(0).byte(0x10).u32(0);
  const bytes = assemble({
    memory: { minPages: 1, maxPages: 2, shared: false },
    imports: [{ name: 'other', params: 1 }],
    functions: [{ params: 1, locals: [], code: body }],
    exports: [{ name: 'f', index: 1 }],
  });
  const got: number[] = [];
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, other: (x: number) => got.push(x) } });
  (exports.f as (x: number) => void)(7);
  expect(got).toEqual([7]);
});

test('this Node has vectors, fused multiply-add and threads; pairs are a matter of the processor', () => {
  expect(probeFeatures()).toEqual({ simd: true, relaxed: true, threads: true });
  expect(pairsVectors()).toBe(process.arch === 'x64');
});

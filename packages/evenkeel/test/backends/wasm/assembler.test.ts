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
    functions: [{ params: 1, locals: [I32, I32, V128, I32], code: new Bytes() }],
    exports: [{ name: 'f', index: 0 }],
  });
  expect(WebAssembly.validate(bytes)).toBe(true);
  const module = new WebAssembly.Module(bytes);
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
  expect(WebAssembly.Module.exports(module)).toEqual([{ name: 'f', kind: 'function' }]);
});

test('this Node has vectors, fused multiply-add and threads; pairs are a matter of the processor', () => {
  expect(probeFeatures()).toEqual({ simd: true, relaxed: true, threads: true });
  expect(pairsVectors()).toBe(process.arch === 'x64');
});

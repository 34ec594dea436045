import { describe, expect, it } from 'vitest';
import { DeviceMemory } from '../../../src/backends/wasm/memory.ts';
import { Regions } from '../../../src/backends/wasm/regions.ts';
import { faultText } from '../../support/fault-text.ts';

describe('Regions', () => {
  it('hands out cache lines in address order', () => {
    const regions = new Regions(1024);
    expect([regions.allocate(1, 1e6), regions.allocate(65, 1e6), regions.allocate(0, 1e6)]).toEqual([1024, 1088, 1216]);
    expect(regions.bytesInUse).toBe(256);
  });

  it('uses what was released, first fit, and joins neighbours', () => {
    const regions = new Regions(0);
    const [a, b, c] = [64, 64, 64].map((n) => regions.allocate(n, 1e6)!);
    regions.allocate(64, 1e6);
    regions.release(a);
    regions.release(c);
    expect(regions.allocate(128, 1e6)).toBe(256);
    regions.release(b);
    expect(regions.allocate(192, 1e6)).toBe(0);
  });

  it('grows from a free region at the end', () => {
    const regions = new Regions(0);
    const a = regions.allocate(64, 128)!;
    regions.release(a);
    expect(regions.allocate(128, 128)).toBe(0);
    expect(regions.allocate(64, 128)).toBeUndefined();
  });

  it('refuses a release of nothing', () => {
    expect(() => new Regions(0).release(64)).toThrow('is not allocated');
  });

  it('never hands out a byte twice', () => {
    const regions = new Regions(0);
    const held = new Map<number, number>();
    let state = 1;
    const next = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % n;
    };
    for (let i = 0; i < 2000; i++) {
      if (held.size > 0 && next(2) === 0) {
        const address = [...held.keys()][next(held.size)];
        regions.release(address);
        held.delete(address);
      } else {
        const bytes = 1 + next(1000);
        const address = regions.allocate(bytes, 40_000);
        if (address === undefined) continue;
        for (const [other, size] of held) expect(address + bytes <= other || other + size <= address).toBe(true);
        held.set(address, bytes);
      }
    }
    for (const address of held.keys()) regions.release(address);
    expect([regions.bytesInUse, regions.allocate(40_000 - 64, 40_000)]).toEqual([0, 0]);
  });
});

describe('DeviceMemory', () => {
  it('grows by need and gives views of its elements', () => {
    const memory = new DeviceMemory(false);
    const address = memory.allocate(10 * 2 ** 20);
    memory.view(address, 'f32', 3).set([1, 2, 3]);
    const other = memory.allocate(50 * 2 ** 20);
    expect(memory.view(address, 'f32', 3)).toEqual(Float32Array.of(1, 2, 3));
    expect(memory.view(address, 'bool', 1)).toBeInstanceOf(Int32Array);
    expect(memory.view(address, 'u32', 1)).toBeInstanceOf(Uint32Array);
    memory.release(other);
    expect(memory.bytesInUse).toBe(10 * 2 ** 20);
  });

  it('E601 names the largest tensors when the memory is full, and goes on', () => {
    const memory = new DeviceMemory(false);
    const tensors = [{ name: 'small', size: 1, shape: [1] }, { name: 'dot7', size: 2 ** 21, shape: [2, 2 ** 20], where: 'model.3' }];
    expect(faultText(() => memory.allocate(5 * 2 ** 30, () => tensors))).toEqual([
      'E601 memory: the device memory is full.', 'needed 5120.0 MiB more; in use 0.0 MiB of at most 4096.0 MiB',
      '8.0 MiB  dot7 [2, 1048576] in model.3', '0.0 MiB  small [1]',
      'Fix: use a smaller batch, dispose steps and models that are no longer needed, or make the largest tensors smaller',
    ]);
    expect(memory.allocate(64)).toBe(65536);
  });
});

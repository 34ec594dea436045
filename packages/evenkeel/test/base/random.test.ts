import { describe, expect, it } from 'vitest';
import { hashText, RandomStream, threefry2x32 } from '../../src/base/index.ts';

describe('threefry2x32', () => {
  it('gives the known answers of the Random123 library (20 rounds)', () => {
    expect(threefry2x32(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry2x32(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
  });
});

describe('RandomStream', () => {
  it('repeats for the same seed and stream, and differs for others', () => {
    const draw = (seed: number, stream: string): number[] => {
      const random = new RandomStream(seed, stream);
      return Array.from({ length: 5 }, () => random.uint32());
    };
    expect(draw(1, 'a')).toEqual(draw(1, 'a'));
    expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
    expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
  });

  it('draws uniform, bounded and normal numbers with the right moments', () => {
    const random = new RandomStream(3);
    const n = 20_000;
    const uniform = Array.from({ length: n }, () => random.uniform());
    const normal = Array.from({ length: n }, () => random.normal());
    const mean = (x: number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
    expect(mean(uniform)).toBeCloseTo(0.5, 1);
    expect(mean(normal)).toBeCloseTo(0, 1);
    expect(mean(normal.map((x) => x * x))).toBeCloseTo(1, 1);
    const counts = [0, 0, 0];
    for (let i = 0; i < 3000; i++) counts[random.below(3)]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('hashes text to different numbers', () => {
    expect(hashText('a')).not.toBe(hashText('b'));
    expect(hashText('')).toBe(0x811c9dc5);
  });
});

import { describe, expect, it } from 'vitest';
import { build, dense } from '../../../src/graph/index.ts';
import { ix, literal } from '../../../src/scalar/index.ts';
import { checkLower, run } from '../../support/check-op.ts';
import { interpret } from '../../support/interpret.ts';

const draw = (step: number, seed: number, site: number, shape: readonly number[]): number[] =>
  [...run(build.random(build.full(step, [], 'u32'), { seed, site, shape })).data];

describe('random', () => {
  it('gives the first words of the published known-answer vectors', () => {
    // Random123's kat_vectors, threefry2x32 20: counter (2 words), key (2 words), first word of the result.
    const known = [
      [0, 0, 0, 0, 0x6b200159],
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc],
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xc4923a9c],
    ];
    for (const [step, element, seed, site, word] of known) {
      const node = build.random(build.full(step, [], 'u32'), { seed, site, shape: [1] });
      const drawn = node.op.lower!(node, [() => literal(step, 'u32')], [ix.constant(element | 0)]);
      expect(interpret(drawn, {}).toString(16)).toBe(word.toString(16));
    }
    expect(draw(0, 0, 0, [1])[0]).toBe(0x6b200159);
  });

  it('depends on seed, site, step and element alone', () => {
    const base = draw(1, 2, 3, [2, 3]);
    expect(draw(1, 2, 3, [6])).toEqual(base);
    expect(new Set(base).size).toBe(6);
    for (const other of [draw(2, 2, 3, [6]), draw(1, 3, 3, [6]), draw(1, 2, 4, [6])]) expect(other).not.toEqual(base);
  });

  it('is uniform to the eye', () => {
    const bits = draw(7, 8, 9, [4096]);
    expect(bits.reduce((sum, x) => sum + x, 0) / 4096 / 4294967296).toBeCloseTo(0.5, 1);
    for (let bit = 0; bit < 32; bit++) expect(Math.abs(bits.filter((x) => (x >>> bit) & 1).length - 2048)).toBeLessThan(200);
  });

  it('lowers to its reference', () => {
    for (const shape of [[], [1], [5], [0], [2, 3], [2, 1, 2]]) {
      checkLower(build.random(build.input(0, [], 'u32'), { seed: 123456789, site: 4, shape }), [dense([], [42])]);
    }
  });
});

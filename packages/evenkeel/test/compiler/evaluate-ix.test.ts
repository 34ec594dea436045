import { describe, expect, it } from 'vitest';
import { evaluateIx, tabulateIx } from '../../src/compiler/evaluate-ix.ts';
import { ix } from '../../src/scalar/index.ts';
import type { Ix } from '../../src/scalar/index.ts';

const k = ix.variable('k', 2028);
const of = ix.ixOf(k);

describe('tabulateIx', () => {
  it.each<[string, Ix]>([
    ['a constant', ix.constant(7)],
    ['the variable', of],
    ['rows of windows', ix.add(ix.scale(ix.div(of, 676), 784), ix.scale(ix.mod(ix.div(of, 26), 26), 28), ix.mod(of, 26))],
    ['a quotient of something scaled', ix.div(ix.offset(ix.scale(of, 6), -9), 4)],
    ['a remainder of something scaled', ix.mod(ix.scale(ix.mod(of, 10), 7), 4)],
    ['periods that share a factor', ix.add(ix.mod(of, 12), ix.scale(ix.mod(of, 18), -3))],
    ['a clamp of what comes back', ix.clamp(ix.offset(ix.mod(of, 5), -2), 0, 2)],
    ['a clamp of what grows', ix.add(ix.clamp(of, 3, 900), ix.div(ix.clamp(of, 3, 900), 7))],
  ])('of %s is its value everywhere', (_, index) => {
    const each = Int32Array.from({ length: k.size }, (_, i) => evaluateIx(index, new Map([[k.key, i]])));
    expect(tabulateIx(index, k)).toEqual(each);
  });
});

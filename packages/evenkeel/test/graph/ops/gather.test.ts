import { describe, expect, it } from 'vitest';
import { build, dense, grad } from '../../../src/graph/index.ts';
import type { Shape } from '../../../src/base/index.ts';
import { ix, load } from '../../../src/scalar/index.ts';
import type { Expr } from '../../../src/scalar/index.ts';
import { apply, checkGradient, checkLower, randomDense } from '../../support/check-op.ts';

describe('gather', () => {
  it('takes rows by index', () => {
    const y = apply(build.gather, [dense([3, 2], [1, 2, 3, 4, 5, 6]), dense([2], [2, 0])], ['f32', 'i32']);
    expect(y).toEqual(dense([2, 2], [5, 6, 1, 2]));
  });

  it('limits an index to the rows that exist', () => {
    expect([...apply(build.gather, [dense([2], [1, 2]), dense([2], [-3, 9])], ['f32', 'i32']).data]).toEqual([1, 2]);
  });

  const cases: readonly (readonly [Shape, Shape])[] = [[[3, 2], [4]], [[3], []], [[1, 2], [2, 2]], [[3, 2, 1], [2, 1]], [[3, 0], [2]], [[3, 2], [0]],
    [[9, 2], [4]], [[9], []], [[12, 2], [2, 2]], [[9, 0], [2]]];
  it.each(cases)('from %j by %j: lowers to its reference and adds gradients up by row', (shape, indices) => {
    const rows = dense(indices, randomDense(indices, -1, 4, 9).data.map(Math.floor));
    checkLower(build.gather(build.input(0, shape), build.input(1, indices, 'i32')), [randomDense(shape), rows]);
    checkGradient(build.gather, [randomDense(shape), rows], { types: ['f32', 'i32'], order: 2 });
  });

  it('adds up what one row was taken for several times, in tables of any length', () => {
    for (const rows of [3, 4, 5, 9, 40]) {
      const sums = apply((x, i) => grad(build.reduce(build.gather(x, i), 'sum', 'value', [0]), [x])[0], [dense([rows], new Array(rows).fill(1)), dense([4], [2, 0, 99, 2])], ['f32', 'i32']);
      const expected = new Array(rows).fill(0);
      for (const i of [2, 0, rows - 1, 2]) expected[i]++;
      expect([...sums.data]).toEqual(expected);
    }
  });

  it('keys its index by what is read, so that equal reads merge and others do not', () => {
    const node = build.gather(build.input(0, [3]), build.input(1, [4], 'i32'));
    const i = ix.ixOf(ix.variable('i', 4));
    const key = (name: string): string => {
      const table = { name: 'table' };
      const cells = [(index: readonly ix.Ix[]): Expr => load(table, index[0], 'f32'), (index: readonly ix.Ix[]): Expr => load({ name }, index[0], 'i32')];
      const lowered = node.op.lower!(node, cells, [i]);
      return lowered.kind === 'load' ? lowered.ix.key : '';
    };
    expect(key('a')).toBe(key('a'));
    expect(key('a')).not.toBe(key('b'));
  });
});

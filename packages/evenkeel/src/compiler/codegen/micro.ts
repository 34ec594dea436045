/**
 * The inner kernel of matrix products: a register tile of rows x vectors of columns, k innermost. Rows of a are read through a
 * table of row addresses plus a common offset (a packed block, or straight from the tensor); b comes from a packed panel.
 * 6 x 2 vectors keep 12 sums, 2 of b and 1 of a in 16 registers; 6 x 4 does the same where neighbouring vectors pair up.
 */
import type { Tile } from '../nest.ts';
import { Builder } from '../vector/index.ts';
import type { Value, VectorFunction } from '../vector/index.ts';

/** Parameters of the function, in order. */
export const MICRO_PARAMS = ['rows', 'offset', 'panel', 'sums', 'count', 'first'] as const;

/**
 * @param rows rows of the tile (the last tile of a block may have fewer)
 * @param ld elements from one row of sums to the next
 * @param step bytes from one k to the next in a; undefined: `offset` points into a table of byte offsets
 */
export function microKernel(name: string, tile: Tile, rows: number, ld: number, step: number | undefined): VectorFunction {
  const b = new Builder(name, MICRO_PARAMS.length, tile.lanes);
  const [rowTable, offset, panel, sums, count, first] = MICRO_PARAMS.map((_, i) => b.param(i));
  const bytes = tile.lanes * 4;
  const width = tile.vectors * bytes;
  const row = Array.from({ length: rows }, (_, r) => b.let(b.loadScalar(rowTable, 4 * r)));
  const zero = b.splat('f', 0);
  const sum = row.map(() => Array.from({ length: tile.vectors }, () => b.mutable(zero)));
  const each = (see: (s: Value, at: number) => void): void => sum.forEach((list, r) => list.forEach((s, v) => see(s, r * ld * 4 + v * bytes)));
  b.when(b.scalar('eq', first, 0), () => each((s, at) => b.assign(s, b.load('f', sums, at))));
  const bp = b.mutable(panel);
  const ko = b.mutable(offset);
  b.loop(0, count, 1, () => {
    const column = step === undefined ? b.let(b.loadScalar(ko, 0)) : ko;
    const right = Array.from({ length: tile.vectors }, (_, v) => b.let(b.load('f', bp, v * bytes)));
    sum.forEach((list, r) => {
      const left = b.let(b.loadSplat('f', b.scalar('add', row[r], column), 0));
      list.forEach((s, v) => b.assign(s, b.fma(left, right[v], s)));
    });
    b.assign(bp, b.scalar('add', bp, width));
    b.assign(ko, b.scalar('add', ko, step ?? 4));
  });
  each((s, at) => b.store(sums, at, s));
  return { ...b.finish(), paired: true };
}

import { stridesOf } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { binary, cast, indexValue, ix, literal } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { checkArity, checkOneShape, checkType } from '../check.ts';
import { offsetOf, tabulate } from '../dense.ts';
import type { Op } from '../node.ts';

export interface RandomAttrs {
  readonly seed: number;
  /** Tells apart the places of a program that draw numbers. */
  readonly site: number;
  readonly shape: Shape;
}

/**
 * 32 random bits per element (u32) as a pure function of seed, site, step and element: the first word of threefry2x32 with 20
 * rounds (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3") under the key (seed, site) and the
 * counter (step, flat index). Its input is the step, a u32 scalar.
 */
export const random: Op<RandomAttrs> = {
  name: 'random',
  kind: 'source',
  infer(inputs, { shape }) {
    checkArity('random', inputs, 1);
    checkType('random', inputs, 0, ['u32']);
    checkOneShape('random', [inputs[0], { shape: [], dtype: 'u32' }]);
    return { shape, dtype: 'u32' };
  },
  vjp: () => [undefined],
  lower({ attrs: { seed, site, shape } }, [step], index) {
    const flat = cast(indexValue(ix.flatten(index, stridesOf(shape))), 'u32');
    return threefry(seed, site, step([]), flat, EXPRESSIONS);
  },
  reference({ attrs: { seed, site, shape } }, [step]) {
    return tabulate(shape, (index) => threefry(seed, site, step.data[0], offsetOf(shape, index), NUMBERS));
  },
};

/** u32 arithmetic, on numbers or on expressions. */
interface Word<T> {
  of(value: number): T;
  add(a: T, b: T): T;
  xor(a: T, b: T): T;
  rotate(a: T, by: number): T;
}

const NUMBERS: Word<number> = {
  of: (value) => value >>> 0,
  add: (a, b) => (a + b) >>> 0,
  xor: (a, b) => (a ^ b) >>> 0,
  rotate: (a, by) => ((a << by) | (a >>> (32 - by))) >>> 0,
};

const EXPRESSIONS: Word<Expr> = {
  of: (value) => literal(value >>> 0, 'u32'),
  add: (a, b) => binary('add', a, b),
  xor: (a, b) => binary('xor', a, b),
  rotate: (a, by) => binary('or', binary('shl', a, literal(by, 'u32')), binary('shr', a, literal(32 - by, 'u32'))),
};

/** Rotation distances of Threefry-2x32 (table 2 of the paper), four rounds to a row. */
const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]];

/** SKEIN_KS_PARITY32. */
const PARITY = 0x1bd11bda;

function threefry<T>(key0: number, key1: number, counter0: T, counter1: T, word: Word<T>): T {
  const keys = [key0, key1, key0 ^ key1 ^ PARITY];
  let x = word.add(counter0, word.of(keys[0]));
  let y = word.add(counter1, word.of(keys[1]));
  for (let block = 1; block <= 5; block++) {
    for (const by of ROTATIONS[(block - 1) % 2]) {
      x = word.add(x, y);
      y = word.xor(word.rotate(y, by), x);
    }
    x = word.add(x, word.of(keys[block % 3]));
    y = word.add(y, word.of(keys[(block + 1) % 3] + block));
  }
  return x;
}

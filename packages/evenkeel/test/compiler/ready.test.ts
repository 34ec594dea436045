import { expect, test } from 'vitest';
import { InternalError } from '../../src/base/index.ts';
import { asReady } from '../../src/compiler/ready.ts';

const ordered = (waits: readonly (readonly number[])[], first: readonly number[] = [], inRounds = false): number[] =>
  asReady(waits.map((_, i) => i), { needs: (i) => new Set(waits[i]), comesFirst: (i) => first.includes(i), inRounds });

test('things come in their order, after what they need, and some as soon as they can', () => {
  expect(ordered([[], [], []])).toEqual([0, 1, 2]);
  expect(ordered([[2], [], []])).toEqual([1, 2, 0]);
  expect(ordered([[], [], [], [1]], [2, 3])).toEqual([2, 0, 1, 3]);
});

test('in rounds, what was made ready waits for the others', () => {
  expect(ordered([[2], [], [], []], [0, 2, 3])).toEqual([2, 0, 3, 1]);
  expect(ordered([[2], [], [], []], [0, 2, 3], true)).toEqual([2, 3, 0, 1]);
});

test('what is needed from elsewhere is there', () => {
  expect(ordered([[7], []])).toEqual([0, 1]);
});

test('a circle is refused', () => {
  expect(() => ordered([[1], [0]])).toThrow(InternalError);
});

import { expect, test } from 'vitest';
import { InternalError } from '../../src/base/index.ts';
import { RandomStream } from '../../src/base/random.ts';
import { GroupOrder } from '../../src/compiler/group-order.ts';

/** Tasks are numbers; task i waits for `waits[i]`. */
function orderOf(waits: readonly (readonly number[])[]): GroupOrder<number> {
  return new GroupOrder(waits.map((_, i) => i), (i) => waits[i]);
}

test('two tasks join unless a third runs between them', () => {
  const order = orderOf([[], [0], [0, 1]]);
  expect(order.join(2, 0)).toBe(false);
  expect(order.join(1, 0)).toBe(true);
  expect(order.join(2, 0)).toBe(true);
});

test('what joined stands between others as one', () => {
  const order = orderOf([[], [0], [], [2], []]);
  expect(order.join(2, 1)).toBe(true);
  expect(order.join(3, 0)).toBe(false);
  expect(order.join(4, 0)).toBe(true);
});

test('tasks may wait for later ones, but not in a circle', () => {
  expect(orderOf([[2], [0], []]).join(1, 2)).toBe(false);
  expect(() => orderOf([[2], [0], [1]])).toThrow(InternalError);
});

/** The slow reference: every path out of the two groups, upward. */
function leavesAndReturns(groups: readonly ReadonlySet<number>[], waits: readonly (readonly number[])[], inside: ReadonlySet<number>): boolean {
  const above = (tasks: ReadonlySet<number>): number[] => [...tasks].flatMap((t) => waits[t]);
  const stack = above(inside).filter((t) => !inside.has(t));
  const seen = new Set<number>();
  for (let t = stack.pop(); t !== undefined; t = stack.pop()) {
    if (inside.has(t)) return true;
    if (seen.has(t)) continue;
    seen.add(t);
    stack.push(...above(groups[t]));
  }
  return false;
}

test.each(Array.from({ length: 60 }, (_, seed) => [seed]))('random tasks join as a search of all paths allows, %d', (seed) => {
  const rng = new RandomStream(seed, 'joins');
  const below = (n: number): number => Math.floor(rng.uniform() * n);
  const n = 5 + below(60);
  const names = Array.from({ length: n }, (_, i) => i).sort(() => rng.uniform() - 0.5);
  const waits: number[][] = names.map(() => []);
  for (let i = 1; i < n; i++) for (let k = below(4); k > 0; k--) waits[names[i]].push(names[Math.max(0, i - 1 - below(seed % 2 ? 6 : n))]);
  const order = orderOf(waits);
  const groups = waits.map((_, i) => new Set([i]));
  for (const task of names) {
    for (let tries = 0; tries < 4 && groups[task].size === 1; tries++) {
      const other = below(n);
      if (groups[other] === groups[task]) continue;
      const both = new Set([...groups[task], ...groups[other]]);
      const legal = !leavesAndReturns(groups, waits, both);
      expect(order.join(task, other)).toBe(legal);
      if (legal) for (const t of both) groups[t] = both;
    }
  }
});

/** Puts things in an order in which each has what it needs. */
import { InternalError } from '../base/index.ts';

/** Whatever is ready and comes `first`, by position; when there is none, the first of the others. @throws InternalError for a circle */
export function asReady<T>(items: readonly T[], needs: (item: T) => ReadonlySet<T>, comesFirst: (item: T) => boolean): T[] {
  const position = new Map(items.map((item, i) => [item, i]));
  const missing = items.map((item) => [...needs(item)].filter((n) => position.has(n)).length);
  const users = items.map((): number[] => []);
  items.forEach((item, i) => { for (const n of needs(item)) if (position.has(n)) users[position.get(n)!].push(i); });
  const ready = { first: [] as number[], other: [] as number[] };
  const add = (i: number): void => insert(comesFirst(items[i]) ? ready.first : ready.other, i);
  missing.forEach((count, i) => { if (count === 0) add(i); });
  const order: T[] = [];
  for (let i = ready.first.pop() ?? ready.other.pop(); i !== undefined; i = ready.first.pop() ?? ready.other.pop()) {
    order.push(items[i]);
    for (const user of users[i]) if (--missing[user] === 0) add(user);
  }
  if (order.length < items.length) throw new InternalError('the kernels depend on each other in a circle');
  return order;
}

/** Keeps a list in descending order, so that its smallest number is the last. */
function insert(list: number[], value: number): void {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > value) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, value);
}

/** Puts things in an order in which each has what it needs. */
import { InternalError } from '../base/index.ts';

export interface Choice<T> {
  readonly needs: (item: T) => ReadonlySet<T>;
  /** What runs before anything else that is ready. */
  readonly comesFirst: (item: T) => boolean;
  /** All such that are ready together come before those that they make ready; default false. */
  readonly inRounds?: boolean;
}

/** Whatever is ready and comes first, by position; when there is none, the first of the others. @throws InternalError for a circle */
export function asReady<T>(items: readonly T[], { needs, comesFirst, inRounds = false }: Choice<T>): T[] {
  const position = new Map(items.map((item, i) => [item, i]));
  const missing = items.map((item) => [...needs(item)].filter((n) => position.has(n)).length);
  const users = items.map((): number[] => []);
  items.forEach((item, i) => { for (const n of needs(item)) if (position.has(n)) users[position.get(n)!].push(i); });
  let [first, next]: number[][] = [[], []];
  const others: number[] = [];
  const add = (i: number): void => insert(!comesFirst(items[i]) ? others : inRounds ? next : first, i);
  const take = (): number | undefined => {
    if (first.length === 0) [first, next] = [next, first];
    return first.pop() ?? others.pop();
  };
  missing.forEach((count, i) => { if (count === 0) add(i); });
  const order: T[] = [];
  for (let i = take(); i !== undefined; i = take()) {
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

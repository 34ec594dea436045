/**
 * An order in which the groups could run, kept while tasks join them: after Pearce & Kelly 2006, "A dynamic topological sort
 * algorithm for directed acyclic graphs". Whether another group lies between two is asked of those that stand between them only.
 */
import { InternalError } from '../base/index.ts';

/** A group, or a task that is in none yet. Everything `before` has a lower rank, everything `after` a higher one. */
interface Place {
  rank: number;
  readonly before: Set<Place>;
  readonly after: Set<Place>;
}

export class GroupOrder<T> {
  private readonly placeOf = new Map<T, Place>();

  /** @throws InternalError where tasks wait for each other in a circle */
  constructor(tasks: readonly T[], predecessors: (task: T) => readonly T[]) {
    predecessorsFirst(tasks, predecessors).forEach((task, rank) => {
      const before = new Set(predecessors(task).map((p) => this.placeOf.get(p)!));
      const place: Place = { rank, before, after: new Set() };
      for (const p of before) p.after.add(place);
      this.placeOf.set(task, place);
    });
  }

  /** Puts a task into the group of another; false, and nothing changes, where a third group would have to run between the two. */
  join(task: T, other: T): boolean {
    const [own, group] = [this.placeOf.get(task)!, this.placeOf.get(other)!];
    const [low, high] = own.rank < group.rank ? [own, group] : [group, own];
    const above = between(high, low, 'before');
    if (!above) return false;
    const below = above.size > 0 ? between(low, high, 'after')! : above;
    const ranks = [...above, low, high, ...below].map((p) => p.rank).sort((a, b) => a - b);
    byRank(above).forEach((p, i) => { p.rank = ranks[i]; });
    byRank(below).forEach((p, i) => { p.rank = ranks[above.size + 2 + i]; });
    group.rank = ranks[above.size];
    merge(own, group);
    this.placeOf.set(task, group);
    return true;
  }
}

/** What is reached from a place in one direction and ranks between it and the end; undefined if that leads to the end. */
function between(from: Place, end: Place, direction: 'before' | 'after'): Set<Place> | undefined {
  const found = new Set<Place>();
  const stack = [from];
  const [low, high] = [Math.min(from.rank, end.rank), Math.max(from.rank, end.rank)];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (place !== from && place[direction].has(end)) return undefined;
    for (const p of place[direction]) {
      if (p.rank <= low || p.rank >= high || found.has(p)) continue;
      found.add(p);
      stack.push(p);
    }
  }
  return found;
}

function byRank(places: ReadonlySet<Place>): Place[] {
  return [...places].sort((a, b) => a.rank - b.rank);
}

function merge(gone: Place, into: Place): void {
  for (const [direction, back] of [['before', 'after'], ['after', 'before']] as const) {
    for (const p of gone[direction]) {
      p[back].delete(gone);
      if (p === into) continue;
      p[back].add(into);
      into[direction].add(p);
    }
  }
}

function predecessorsFirst<T>(tasks: readonly T[], predecessors: (task: T) => readonly T[]): T[] {
  const order: T[] = [];
  const state = new Map<T, 'open' | 'done'>();
  const stack = tasks.toReversed();
  for (let task = stack.at(-1); task !== undefined; task = stack.at(-1)) {
    const waiting = state.has(task) ? [] : predecessors(task).filter((p) => state.get(p) !== 'done');
    if (waiting.some((p) => state.get(p) === 'open')) throw new InternalError('a task waits for itself');
    if (waiting.length > 0) {
      state.set(task, 'open');
      stack.push(...waiting);
      continue;
    }
    stack.pop();
    if (state.get(task) === 'done') continue;
    state.set(task, 'done');
    order.push(task);
  }
  return order;
}

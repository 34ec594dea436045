/** Loop shapes that several kernels share: along a vector variable, nested loops, reductions over loops. */
import type { Monoid } from '../../graph/index.ts';
import { indexValue, ix, literal, local } from '../../scalar/index.ts';
import type { Expr, Ix, Var } from '../../scalar/index.ts';
import type { Reduction, Store } from '../nest.ts';
import { Rewriter, visit } from '../rewrite.ts';
import type { Builder, Value } from '../vector/index.ts';
import { laneRewriter } from './emitter.ts';
import type { Emitter } from './emitter.ts';

/** Two vectors a step: neighbouring vectors pair into wider ones where the machine has them. */
const UNROLL = 2;

/** What one step along the lanes does, `part` vectors further on. */
export interface Body {
  readonly exprs: readonly Expr[];
  readonly stores: readonly Store[];
  /** Runs before the stores, with the expressions as this part sees them; `lanes` are in use. */
  readonly step?: (e: Emitter, exprs: readonly Expr[], part: number, lanes: number) => void;
}

/** Runs stores only. */
export function storing(stores: readonly Store[]): Body {
  return { exprs: [], stores };
}

/** v over 0 .. size-1 in vectors, the last one partial. */
export function vectorLoop(e: Emitter, v: Var, body: Body): void {
  const { lanes } = e.b;
  const full = Math.floor(v.size / lanes) * lanes;
  vectorRange(e, v, 0, full, body);
  if (v.size > full) {
    e.scope(() => {
      e.bind(v, e.b.i32(full));
      vectorStep(e, v, body, 0, v.size - full);
    });
  }
}

/** v over from .. to-1 where both are multiples of the lanes. */
export function vectorRange(e: Emitter, v: Var, from: Value | number, to: Value | number, body: Body): void {
  const { lanes } = e.b;
  const wide = lanes * UNROLL;
  if (typeof from === 'number' && typeof to === 'number') {
    const paired = from + Math.floor((to - from) / wide) * wide;
    if (paired > from) e.loop(v, from, paired, wide, () => vectorStep(e, v, body, UNROLL, lanes));
    if (to > paired) e.scope(() => {
      e.bind(v, e.b.i32(paired));
      vectorStep(e, v, body, 1, lanes);
    });
    return;
  }
  const start = e.b.i32(from);
  const end = e.b.let(e.b.i32(to));
  const paired = e.b.let(e.b.scalar('add', start, e.b.scalar('and', e.b.scalar('sub', end, start), -wide)));
  e.loop(v, start, paired, wide, () => vectorStep(e, v, body, UNROLL, lanes));
  e.loop(v, paired, end, lanes, () => vectorStep(e, v, body, 1, lanes));
}

/**
 * `count` neighbouring vectors at the bound value of v (0: one partial vector). All values are computed before the first store, so
 * that neighbouring loads and stores pair up.
 */
export function vectorStep(e: Emitter, v: Var, body: Body, count: number, lanes: number): void {
  e.along(v, lanes, () => {
    if (count > 1) e.shareAddresses([...body.exprs, ...body.stores.map((s) => s.value)], body.stores.map((s) => s.ix));
    const pending: (() => void)[] = [];
    for (let part = 0; part < Math.max(1, count); part++) {
      const shift = laneRewriter(v, part * e.b.lanes);
      const moved = <T>(x: T, by: (x: T) => T): T => (part === 0 ? x : by(x));
      e.scope(() => {
        body.step?.(e, body.exprs.map((x) => moved(x, shift.expr)), part, lanes);
        for (const s of body.stores) {
          const value = e.stored(moved(s.value, shift.expr));
          pending.push(() => e.storeValue(s.buffer, moved(s.ix, shift.index), value));
        }
      });
    }
    for (const store of pending) store();
  });
}

/** chunkStart of nest.ts in code: no product exceeds `pieces`. */
export function startOf(b: Builder, chunk: Value, pieces: number, chunks: number): Value {
  const even = b.scalar('mul', chunk, Math.floor(pieces / chunks));
  const left = pieces % chunks;
  return b.let(left === 0 ? even : b.scalar('add', even, b.choose(b.scalar('ltS', chunk, left), chunk, b.i32(left))));
}

/** for every variable in turn, hoisting on the way in. */
export function nested(e: Emitter, vars: readonly Var[], needs: { exprs: readonly Expr[]; indices: readonly Ix[] }, body: () => void): void {
  e.hoist(needs.exprs, needs.indices);
  if (vars.length === 0) return body();
  e.loop(vars[0], 0, vars[0].size, 1, () => nested(e, vars.slice(1), needs, body));
}

/** What a nest's expressions need, for hoisting. */
export function needsOf(exprs: readonly Expr[], stores: readonly Store[]): { exprs: readonly Expr[]; indices: readonly Ix[] } {
  return { exprs: [...exprs, ...stores.map((s) => s.value)], indices: stores.map((s) => s.ix) };
}

/** The running state of one reduction, a vector a word. */
export class State {
  readonly reduction: Reduction;
  readonly words: readonly Value[];

  /** Starts a state; `first` is evaluated where it stands. */
  constructor(e: Emitter, reduction: Reduction, first: (value: Expr) => Value) {
    this.reduction = reduction;
    const init = reduction.monoid.init(local('first', reduction.input), reduction.input, local('firstPosition', 'i32'));
    e.scope(() => {
      if (uses(init, 'first')) e.locals.set('first', first(reduction.value));
      if (uses(init, 'firstPosition')) e.locals.set('firstPosition', first(positionOf(reduction)));
      this.values = init.map((x) => e.b.mutable(e.value(x)));
    });
    this.words = this.values;
  }
  private values: readonly Value[] = [];

  /** Takes one vector of values; lanes past `lanes` keep their state. */
  step(e: Emitter, x: Value, position: Value | undefined, lanes: number): void {
    const { monoid, input } = this.reduction;
    const types = monoid.stateTypes(input);
    e.scope(() => {
      this.words.forEach((w, i) => e.locals.set(`state${i}`, w));
      e.locals.set('x', x);
      if (position) e.locals.set('position', position);
      const next = monoid.step(types.map((t, i) => local(`state${i}`, t)), local('x', input), local('position', 'i32'));
      const values = next.map((n) => e.value(n));
      const kept = lanes < e.b.lanes ? values.map((v, i) => e.b.blend(firstLanes(e, lanes), v, this.words[i])) : values;
      const held = kept.map((v) => (kept.length > 1 ? e.b.let(v) : v));
      this.words.forEach((w, i) => e.b.assign(w, held[i]));
    });
  }
}

export function firstLanes(e: Emitter, lanes: number): Value {
  return e.b.laneConstants('i', (lane) => (lane < lanes ? -1 : 0));
}

/** State words of a and b joined. */
export function mergeWords(e: Emitter, monoid: Monoid, input: Reduction['input'], a: readonly Value[], b: readonly Value[], counts?: { a: Value; b: Value }): Value[] {
  const types = monoid.stateTypes(input);
  let out: Value[] = [];
  e.scope(() => {
    a.forEach((w, i) => e.locals.set(`a${i}`, w));
    b.forEach((w, i) => e.locals.set(`b${i}`, w));
    e.locals.set('countA', counts?.a ?? e.b.splat('f', 1));
    e.locals.set('countB', counts?.b ?? e.b.splat('f', 1));
    const merged = monoid.merge(types.map((t, i) => local(`a${i}`, t)), types.map((t, i) => local(`b${i}`, t)), local('countA', 'f32'), local('countB', 'f32'));
    out = merged.map((m) => e.b.let(e.value(m)));
  });
  return out;
}

/**
 * Joins the lanes of a state; every lane of the result holds the whole, to the bit. Where the order of two states matters to the last
 * digit both lanes of a pair join them in the same order: what is stored once a row is what its elements are compared with.
 */
export function mergeLanes(e: Emitter, reduction: Reduction, words: readonly Value[]): Value[] {
  const { b } = e;
  let all = [...words];
  for (let by = b.lanes / 2; by >= 1; by /= 2) {
    const others = all.map((w) => b.let(b.rotate(w, by)));
    const lower = b.laneConstants('i', (lane) => ((lane & by) === 0 ? -1 : 0));
    const ordered = all.length === 1 ? { first: all, second: others }
      : { first: all.map((w, i) => b.let(b.blend(lower, w, others[i]))), second: all.map((w, i) => b.let(b.blend(lower, others[i], w))) };
    all = mergeWords(e, reduction.monoid, reduction.input, ordered.first, ordered.second);
  }
  return all;
}

/** Makes the fields of a finished reduction known as locals. */
export function finishLocals(e: Emitter, reduction: Reduction, words: readonly Value[], count: Value | number): void {
  const { monoid, input, name } = reduction;
  const types = monoid.stateTypes(input);
  words.forEach((w, i) => e.locals.set(`${name}#${i}`, w));
  if (typeof count !== 'number') e.locals.set(`${name}#count`, count);
  const state = types.map((t, i) => local(`${name}#${i}`, t));
  for (const field of monoid.fields) {
    if (monoid.fieldType(field, input) === undefined) continue;
    const value = e.value(monoid.finish(state, typeof count === 'number' ? literal(count) : local(`${name}#count`, 'f32'), field));
    e.locals.set(`${name}.${field}`, value);
  }
}

/** Reduces over loops whose innermost runs along the lanes, and leaves the fields as locals (or returns the words). */
export function reduceAlong(e: Emitter, outer: readonly Var[], along: Var, reductions: readonly Reduction[], stores: readonly Store[] = [], range?: { from: Value; to: Value }): Map<Reduction, Value[]> {
  const firsts = new Map<string, Ix>([...outer, along].map((v) => [v.key, ix.constant(0)]));
  const parts = reductions.some((r) => r.monoid.positional) || along.size < 2 * e.b.lanes ? 1 : UNROLL;
  const states = reductions.map((r) => Array.from({ length: parts }, () => new State(e, r, (x) => firstValue(e, x, firsts, along, range?.from))));
  const body: Body = {
    exprs: reductions.flatMap((r) => [r.value, positionOf(r)]), stores,
    step: (em, exprs, part, lanes) => states.forEach((s, i) => {
      const position = s[0].reduction.monoid.positional ? em.value(exprs[2 * i + 1]) : undefined;
      s[part % parts].step(em, em.value(exprs[2 * i]), position, lanes);
    }),
  };
  const needs = needsOf(body.exprs, stores);
  nested(e, outer, needs, () => {
    if (range) rangeWithRemainder(e, along, range, body);
    else vectorLoop(e, along, body);
  });
  const out = new Map<Reduction, Value[]>();
  states.forEach((s, i) => {
    let words: Value[] = [...s[0].words];
    for (const other of s.slice(1)) words = mergeWords(e, reductions[i].monoid, reductions[i].input, words, other.words);
    out.set(reductions[i], mergeLanes(e, reductions[i], words));
  });
  return out;
}

export function positionOf(r: Reduction): Expr {
  return r.monoid.positional ? indexValue(r.position) : literal(0, 'i32');
}

/** The value at the first element, in all lanes. */
function firstValue(e: Emitter, value: Expr, firsts: ReadonlyMap<string, Ix>, along: Var, from: Value | undefined): Value {
  if (from) e.bind(along, from);
  const at = new Map([...firsts].filter(([key]) => !(from && key === along.key)));
  return e.value(new Rewriter(at).expr(value));
}

/** Whole vectors, then one element at a time. */
function rangeWithRemainder(e: Emitter, v: Var, range: { from: Value; to: Value }, body: Body): void {
  const { b } = e;
  const whole = b.let(b.scalar('add', range.from, b.scalar('and', b.scalar('sub', range.to, range.from), -b.lanes)));
  vectorRange(e, v, range.from, whole, body);
  e.loop(v, whole, range.to, 1, () => vectorStep(e, v, body, 0, 1));
}

export function uses(exprs: readonly Expr[], name: string): boolean {
  let found = false;
  visit(exprs, (x) => { if (x.kind === 'local' && x.name === name) found = true; });
  return found;
}

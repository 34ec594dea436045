/** Loop shapes that several kernels share: along a vector variable, nested loops, reductions over loops. */
import type { Monoid } from '../../graph/index.ts';
import { indexValue, ix, literal, local } from '../../scalar/index.ts';
import type { Expr, Ix, Var } from '../../scalar/index.ts';
import { product } from '../flat.ts';
import type { Reduction, Store } from '../nest.ts';
import { Rewriter, visit } from '../rewrite.ts';
import type { Builder, Value } from '../vector/index.ts';
import { laneRewriter } from './emitter.ts';
import type { Emitter } from './emitter.ts';

/** Two vectors a step: a loop's own arithmetic is shared, and neighbouring vectors wait for each other less. */
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

/** `count` neighbouring vectors at the bound value of v (0: one partial vector), whose addresses are computed once. */
export function vectorStep(e: Emitter, v: Var, body: Body, count: number, lanes: number): void {
  e.along(v, lanes, () => {
    if (count > 1) e.shareAddresses([...body.exprs, ...body.stores.map((s) => s.value)], body.stores.map((s) => s.ix));
    for (let part = 0; part < Math.max(1, count); part++) {
      const shift = laneRewriter(v, part * e.b.lanes);
      const moved = <T>(x: T, by: (x: T) => T): T => (part === 0 ? x : by(x));
      e.scope(() => {
        body.step?.(e, body.exprs.map((x) => moved(x, shift.expr)), part, lanes);
        e.storeAll(body.stores.map((s) => ({ buffer: s.buffer, ix: moved(s.ix, shift.index), value: moved(s.value, shift.expr) })));
      });
    }
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

function scoped<T>(e: Emitter, make: () => T): T {
  let made!: T;
  e.scope(() => { made = make(); });
  return made;
}

/** Where a walk starts, or a third or two of the way through it. */
export type Third = 0 | 1 | 2;
const THIRDS: readonly Third[] = [0, 1, 2];
/** A value of the walk in the lanes that have a walk of their own. */
export type Sample = (value: Expr, third: Third) => Value;

/** The running state of one reduction, a vector a word. */
export class State {
  readonly reduction: Reduction;
  readonly words: readonly Value[];

  constructor(e: Emitter, reduction: Reduction, sample: Sample) {
    this.reduction = reduction;
    const { monoid, input, value } = reduction;
    const first = local('sample0', input);
    const init = monoid.init(first, input, local('firstPosition', 'i32'), [first, local('sample1', input), local('sample2', input)]);
    const taken = (of: Expr, third: Third): Value => scoped(e, () => e.b.let(sample(of, third)));
    this.words = scoped(e, () => {
      for (const third of THIRDS) if (uses(init, `sample${third}`)) e.locals.set(`sample${third}`, taken(value, third));
      if (uses(init, 'firstPosition')) e.locals.set('firstPosition', taken(positionOf(reduction), 0));
      return init.map((x) => e.b.mutable(e.value(x)));
    });
  }

  set(e: Emitter, words: readonly Value[]): void {
    this.words.forEach((w, i) => e.b.assign(w, words[i]));
  }

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
      this.set(e, held);
    });
  }
}

/** Steps of a state before it is added to a total, at least; as many as there are blocks where that is more. */
const BLOCK_STEPS = 16;

/** Positions from .. to, `size` of them at most, in blocks that are multiples of `unit`; each is `steps` of every state. */
interface Range { readonly from: Value; readonly to: Value; readonly size: number; readonly steps: number; readonly unit: number }

/**
 * Walks a range in blocks whose states are added up: n sums one after another are off by about sqrt(n) roundings, sums of sums by
 * far fewer (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 4.2).
 * @param recenters  whether the lanes of a state may come to be measured against points of their own
 */
export function inBlocks(e: Emitter, states: readonly State[], range: Range, recenters: boolean, walk: (from: Value, to: Value) => void): void {
  const { b } = e;
  const steps = Math.max(BLOCK_STEPS, Math.sqrt(range.size * range.steps));
  const span = Math.max(1, Math.floor(steps / (range.steps * range.unit))) * range.unit;
  const rounding = states.filter((s) => s.reduction.monoid.restart);
  if (range.size <= span || rounding.length === 0) return walk(range.from, range.to);
  const totals = rounding.map((s) => s.words.map((w) => b.mutable(w)));
  const change = (i: number, words: readonly Value[]): void => words.forEach((w, j) => b.assign(totals[i][j], w));
  b.loop(range.from, range.to, span, (from) => e.scope(() => {
    const stop = b.let(b.scalar('add', from, span));
    const before = recenters ? asFloat(e, b.scalar('mul', b.scalar('sub', from, range.from), range.steps)) : undefined;
    rounding.forEach((s, i) => {
      if (before) change(i, recentered(e, s.reduction, totals[i], before));
      s.set(e, restarted(e, s.reduction, totals[i]));
    });
    walk(from, b.let(b.choose(b.scalar('gtS', stop, range.to), range.to, stop)));
    rounding.forEach((s, i) => change(i, mergeWords(e, s.reduction.monoid, s.reduction.input, totals[i], s.words)));
  }));
  rounding.forEach((s, i) => s.set(e, totals[i]));
}

function restarted(e: Emitter, { monoid, input }: Reduction, words: readonly Value[]): Value[] {
  return computed(e, words, (state) => monoid.restart!(state), monoid, input);
}

/** The words measured against what keeps more digits. @param count of values behind them */
export function recentered(e: Emitter, { monoid, input }: Reduction, words: readonly Value[], count: Value): readonly Value[] {
  if (!monoid.recenter) return words;
  e.locals.set('count', count);
  return computed(e, words, (state) => monoid.recenter!(state, local('count', 'f32')), monoid, input);
}

function computed(e: Emitter, words: readonly Value[], of: (state: readonly Expr[]) => readonly Expr[], monoid: Monoid, input: Reduction['input']): Value[] {
  return scoped(e, () => {
    words.forEach((w, i) => e.locals.set(`word${i}`, w));
    return of(monoid.stateTypes(input).map((type, i) => local(`word${i}`, type))).map((x) => e.b.let(e.value(x)));
  });
}

/** A scalar integer in all lanes, as f32. */
export function asFloat(e: Emitter, x: Value): Value {
  return e.b.let(e.b.convert('floatS', e.b.splatScalar(x)));
}

export function firstLanes(e: Emitter, lanes: number): Value {
  return e.b.laneConstants('i', (lane) => (lane < lanes ? -1 : 0));
}

/** State words of a and b joined. */
export function mergeWords(e: Emitter, monoid: Monoid, input: Reduction['input'], a: readonly Value[], b: readonly Value[], counts?: { a: Value; b: Value }): Value[] {
  const types = monoid.stateTypes(input);
  return scoped(e, () => {
    a.forEach((w, i) => e.locals.set(`a${i}`, w));
    b.forEach((w, i) => e.locals.set(`b${i}`, w));
    e.locals.set('countA', counts?.a ?? e.b.splat('f', 1));
    e.locals.set('countB', counts?.b ?? e.b.splat('f', 1));
    const merged = monoid.merge(types.map((t, i) => local(`a${i}`, t)), types.map((t, i) => local(`b${i}`, t)), local('countA', 'f32'), local('countB', 'f32'));
    return merged.map((m) => e.b.let(e.value(m)));
  });
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
  const parts = reductions.some((r) => r.monoid.positional) || along.size < 2 * e.b.lanes ? 1 : UNROLL;
  const states = reductions.map((r) => Array.from({ length: parts }, () => new State(e, r, (x, third) => sampled(e, x, [...outer, along], third, range))));
  const body: Body = {
    exprs: reductions.flatMap((r) => [r.value, positionOf(r)]), stores,
    step: (em, exprs, part, lanes) => states.forEach((s, i) => {
      const position = s[0].reduction.monoid.positional ? em.value(exprs[2 * i + 1]) : undefined;
      s[part % parts].step(em, em.value(exprs[2 * i]), position, lanes);
    }),
  };
  const once = Math.ceil(along.size / (parts * e.b.lanes));
  nestedInBlocks(e, states.flat(), { vars: outer, steps: once, recenters: false }, needsOf(body.exprs, stores), () => alongInBlocks(e, states.flat(), along, range, parts, body));
  const out = new Map<Reduction, Value[]>();
  states.forEach((s, i) => {
    let words: Value[] = [...s[0].words];
    for (const other of s.slice(1)) words = mergeWords(e, reductions[i].monoid, reductions[i].input, words, other.words);
    out.set(reductions[i], mergeLanes(e, reductions[i], words));
  });
  return out;
}

/** The innermost loop, whole vectors in blocks. */
function alongInBlocks(e: Emitter, states: readonly State[], along: Var, range: { from: Value; to: Value } | undefined, parts: number, body: Body): void {
  const { b } = e;
  const full = Math.floor(along.size / b.lanes) * b.lanes;
  const whole = range ? b.let(b.scalar('add', range.from, b.scalar('and', b.scalar('sub', range.to, range.from), -b.lanes))) : b.i32(full);
  const vectors = { from: range?.from ?? b.i32(0), to: whole, size: full, steps: 1 / (parts * b.lanes), unit: parts * b.lanes };
  inBlocks(e, states, vectors, false, (from, to) => vectorRange(e, along, constantOf(from), constantOf(to), body));
  if (range) e.loop(along, whole, range.to, 1, () => vectorStep(e, along, body, 0, 1));
  else if (along.size > full) e.scope(() => {
    e.bind(along, b.i32(full));
    vectorStep(e, along, body, 0, along.size - full);
  });
}

/** for every variable in turn, hoisting on the way in; the outermost runs in blocks. @param how `steps` of every state in one run of the body */
export function nestedInBlocks(e: Emitter, states: readonly State[], how: { vars: readonly Var[]; steps: number; recenters: boolean }, needs: { exprs: readonly Expr[]; indices: readonly Ix[] }, body: () => void): void {
  e.hoist(needs.exprs, needs.indices);
  if (how.vars.length === 0) return body();
  const [first, ...rest] = how.vars;
  const range = { from: e.b.i32(0), to: e.b.i32(first.size), size: first.size, steps: how.steps * product(rest), unit: 1 };
  inBlocks(e, states, range, how.recenters, (from, to) => e.loop(first, constantOf(from), constantOf(to), 1, () => nested(e, rest, needs, body)));
}

function constantOf(value: Value): Value | number {
  return value.op === 'i32' ? value.value : value;
}

export function positionOf(r: Reduction): Expr {
  return r.monoid.positional ? indexValue(r.position) : literal(0, 'i32');
}

/** A value of the walk in all lanes; `range` is the share of the last variable. */
function sampled(e: Emitter, value: Expr, vars: readonly Var[], third: Third, range: { from: Value; to: Value } | undefined): Value {
  const last = vars.at(-1)!;
  const fixed = range ? vars.slice(0, -1) : vars;
  if (range) e.bind(last, within(e, range, third));
  return e.value(new Rewriter(new Map(fixed.map((v) => [v.key, ix.constant(Math.floor((third * v.size) / 3))]))).expr(value));
}

/** A third of a range. */
export function within({ b }: Emitter, { from, to }: { from: Value; to: Value }, third: Third): Value {
  return third === 0 ? from : b.let(b.scalar('add', from, b.scalar('mul', b.scalar('divS', b.scalar('sub', to, from), 3), third)));
}

export function uses(exprs: readonly Expr[], name: string): boolean {
  let found = false;
  visit(exprs, (x) => { if (x.kind === 'local' && x.name === name) found = true; });
  return found;
}

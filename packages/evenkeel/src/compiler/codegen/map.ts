/** A map: stores over a rectangular domain, innermost variable along the lanes. */
import type { Var } from '../../scalar/index.ts';
import { splitPrefix } from '../loops.ts';
import type { MapNest, Store } from '../nest.ts';
import type { Value } from '../vector/index.ts';
import type { Emitter } from './emitter.ts';
import { needsOf, nested, storing, vectorLoop, vectorRange, vectorStep } from './loops.ts';
import type { Body } from './loops.ts';

/** Elements of one unit where a map is a single flat loop: large enough to hide its start, small enough to share out. */
const FLAT_UNIT = 2048;
/** Units that threads share out where there are several loops. */
const MIN_UNITS = 64;

export function mapUnits(vars: readonly Var[]): number {
  if (vars.length === 0) return 1;
  if (vars.length === 1) return Math.max(1, Math.ceil(vars[0].size / FLAT_UNIT));
  return splitPrefix(vars.slice(0, -1), MIN_UNITS).pieces;
}

export function emitMap(e: Emitter, nest: MapNest, begin: Value, end: Value): void {
  emitStores(e, nest.vars, nest.stores, begin, end);
}

/** Units begin .. end-1 of stores over `vars`. */
export function emitStores(e: Emitter, vars: readonly Var[], stores: readonly Store[], begin: Value, end: Value): void {
  emitBody(e, vars, storing(stores), begin, end);
}

/** Units begin .. end-1 of any body over `vars`. */
export function emitBody(e: Emitter, vars: readonly Var[], body: Body, begin: Value, end: Value): void {
  const needs = needsOf(body.exprs, body.stores);
  const last = vars.at(-1);
  if (!last) e.b.loop(begin, end, 1, () => e.scope(() => single(e, body)));
  else if (vars.length === 1) emitFlat(e, last, body, begin, end);
  else {
    const { prefix, rest } = splitPrefix(vars.slice(0, -1), MIN_UNITS);
    e.hoist(needs.exprs, needs.indices);
    e.b.loop(begin, end, 1, (unit) => e.scope(() => {
      e.decode(prefix, unit);
      nested(e, rest, needs, () => vectorLoop(e, last, body));
    }));
  }
}

/** A scalar result. */
function single(e: Emitter, body: Body): void {
  body.step?.(e, body.exprs, 0, 1);
  e.storeAll(body.stores);
}

function emitFlat(e: Emitter, v: Var, body: Body, begin: Value, end: Value): void {
  const { b } = e;
  const needs = needsOf(body.exprs, body.stores);
  e.hoist(needs.exprs, needs.indices);
  const full = Math.floor(v.size / b.lanes) * b.lanes;
  if (mapUnits([v]) === 1) {
    b.when(b.scalar('ltS', begin, end), () => e.scope(() => vectorLoop(e, v, body)));
    return;
  }
  const from = b.let(b.scalar('mul', begin, FLAT_UNIT));
  const stop = b.let(b.scalar('mul', end, FLAT_UNIT));
  const to = b.let(b.choose(b.scalar('gtS', stop, full), b.i32(full), stop));
  vectorRange(e, v, from, to, body);
  if (v.size > full) {
    b.when(b.scalar('gtS', stop, full), () => e.scope(() => {
      e.bind(v, b.i32(full));
      vectorStep(e, v, body, 0, v.size - full);
    }));
  }
}

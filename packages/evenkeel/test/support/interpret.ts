/** Computes index and scalar expressions number by number, from the references of the ops that they name. */
import { build, evaluate, make, ops } from '../../src/graph/index.ts';
import type { Dense, NoAttrs, Op } from '../../src/graph/index.ts';
import type { Expr, Ix, Source } from '../../src/scalar/index.ts';

/** The values that an expression is computed under. */
export interface Env {
  readonly variables?: ReadonlyMap<string, number>;
  readonly buffers?: ReadonlyMap<Source, Dense>;
  readonly locals?: ReadonlyMap<string, number>;
}

/** The value of an expression; shared parts are computed once. @throws if a load leaves its buffer */
export function interpret(e: Expr, env: Env, seen: Map<Expr, number> = new Map()): number {
  const known = seen.get(e);
  if (known !== undefined) return known;
  const value = interpretOnce(e, env, seen);
  seen.set(e, value);
  return value;
}

/** The value of an index expression, which must lie within its own bounds. */
export function interpretIx(index: Ix, env: Env, seen: Map<Expr, number> = new Map()): number {
  let sum = index.constant;
  for (const { atom, coefficient } of index.terms) {
    switch (atom.kind) {
      case 'var': sum += coefficient * must(env.variables?.get(atom.key), atom.key); break;
      case 'div': sum += coefficient * Math.floor(interpretIx(atom.of, env, seen) / atom.by); break;
      case 'mod': sum += coefficient * floorMod(interpretIx(atom.of, env, seen), atom.by); break;
      case 'clamp': sum += coefficient * limit(interpretIx(atom.of, env, seen), atom.low, atom.high); break;
      case 'data': sum += coefficient * limit(interpret(atom.value, env, seen), 0, atom.size - 1); break;
      default: atom satisfies never;
    }
  }
  if (sum < index.min || sum > index.max) throw new Error(`${index.key} = ${sum} is outside ${index.min} .. ${index.max}`);
  return sum;
}

export function floorMod(value: number, by: number): number {
  return value - by * Math.floor(value / by);
}

function limit(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

function interpretOnce(e: Expr, env: Env, seen: Map<Expr, number>): number {
  switch (e.kind) {
    case 'const': return e.value;
    case 'index': return interpretIx(e.ix, env, seen);
    case 'local': return must(env.locals?.get(e.name), e.name);
    case 'load': {
      const buffer = must(env.buffers?.get(e.source), e.source.name);
      const at = interpretIx(e.ix, env, seen);
      return must(at >= 0 ? buffer.data[at] : undefined, `${e.source.name}[${at}] of ${buffer.data.length}`);
    }
    case 'op': return apply(e, e.args.map((a) => interpret(a, env, seen)));
    default: return e satisfies never;
  }
}

/** Scalar functions that the graph names otherwise. */
const NAMES: Readonly<Record<string, string>> = { min: 'minimum', max: 'maximum' };

function apply(e: Extract<Expr, { kind: 'op' }>, values: readonly number[]): number {
  const inputs = e.args.map((a, slot) => build.input(slot, [], a.dtype));
  const node = e.fn === 'cast' ? build.cast(inputs[0], e.dtype) : make(opNamed(NAMES[e.fn] ?? e.fn), inputs, {});
  if (node.dtype !== e.dtype) throw new Error(`${e.fn} is ${e.dtype} in the expression and ${node.dtype} in the graph`);
  return evaluate([node], { input: (slot) => ({ shape: [], data: Float64Array.of(values[slot]) }) })[0].data[0];
}

function opNamed(name: string): Op<NoAttrs> {
  return must((ops as Readonly<Record<string, unknown>>)[name] as Op<NoAttrs> | undefined, name);
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no value for ${what}`);
  return value;
}

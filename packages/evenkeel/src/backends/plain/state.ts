/** The running state of a reduction, number by number. */
import type { DType } from '../../base/index.ts';
import type { Reduction } from '../../compiler/index.ts';
import { indexValue, literal, local } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import type { Point } from './point.ts';

/** The expressions of a monoid over named locals, made once for each reduction so that their compiled forms are reused. */
interface Forms { readonly init: readonly Expr[]; readonly step: readonly Expr[]; readonly merge: readonly Expr[]; readonly fields: readonly (readonly [string, Expr])[] }

const forms = new WeakMap<Reduction, Forms>();

function formsOf(r: Reduction): Forms {
  const known = forms.get(r);
  if (known) return known;
  const { monoid, input } = r;
  const named = (prefix: string): Expr[] => monoid.stateTypes(input).map((t, i) => local(`${r.name}:${prefix}${i}`, t));
  const other = (name: string, dtype: Expr['dtype']): Expr => local(`${r.name}:${name}`, dtype);
  const made: Forms = {
    init: monoid.init(other('first', input), input, other('position', 'i32')),
    step: monoid.step(named('a'), other('x', input), other('position', 'i32')),
    merge: monoid.merge(named('a'), named('b'), other('countA', 'f32'), other('countB', 'f32')),
    fields: monoid.fields.map((field) => [field, monoid.finish(named('a'), other('count', 'f32'), field)] as const),
  };
  forms.set(r, made);
  return made;
}

const positionOf = (r: Reduction): Expr => (r.monoid.positional ? indexValue(r.position) : literal(0, 'i32'));

/** The state before any value, where the point is at some value of the walk. */
export function begin(p: Point, r: Reduction): number[] {
  p.setLocal(`${r.name}:first`, p.value(r.value));
  p.setLocal(`${r.name}:position`, p.value(positionOf(r)));
  return formsOf(r).init.map((e) => p.value(e));
}

/** Types of the words of several states, one after another. */
export function wordTypes(reductions: readonly Reduction[]): DType[] {
  return reductions.flatMap((r) => r.monoid.stateTypes(r.input));
}

/** The state after the value at the point. */
export function step(p: Point, r: Reduction, state: readonly number[]): number[] {
  const x = p.value(r.value);
  const position = p.value(positionOf(r));
  state.forEach((word, i) => p.setLocal(`${r.name}:a${i}`, word));
  p.setLocal(`${r.name}:x`, x);
  p.setLocal(`${r.name}:position`, position);
  return formsOf(r).step.map((e) => p.value(e));
}

export function merge(p: Point, r: Reduction, a: readonly number[], b: readonly number[], countA: number, countB: number): number[] {
  a.forEach((word, i) => p.setLocal(`${r.name}:a${i}`, word));
  b.forEach((word, i) => p.setLocal(`${r.name}:b${i}`, word));
  p.setLocal(`${r.name}:countA`, countA);
  p.setLocal(`${r.name}:countB`, countB);
  return formsOf(r).merge.map((e) => p.value(e));
}

/** Makes the fields of a finished reduction known. */
export function finish(p: Point, r: Reduction, state: readonly number[]): void {
  state.forEach((word, i) => p.setLocal(`${r.name}:a${i}`, word));
  p.setLocal(`${r.name}:count`, r.count);
  const values = formsOf(r).fields.map(([field, e]) => [field, p.value(e)] as const);
  for (const [field, value] of values) p.setLocal(`${r.name}.${field}`, value);
}

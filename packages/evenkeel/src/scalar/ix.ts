/**
 * Index algebra: integer expressions over loop variables, kept in the normal form  sum(coefficient * atom) + constant.
 * An atom is a variable, a quotient, a remainder, a clamp, or an index read from data. Every expression knows its range,
 * which is what lets a reshape's quotients and remainders cancel and lets the plan verifier prove bounds.
 */
import type { Expr } from './expr.ts';

export type Atom =
  | { readonly kind: 'var'; readonly key: string; readonly size: number }
  | { readonly kind: 'div'; readonly key: string; readonly of: Ix; readonly by: number }
  | { readonly kind: 'mod'; readonly key: string; readonly of: Ix; readonly by: number }
  | { readonly kind: 'clamp'; readonly key: string; readonly of: Ix; readonly low: number; readonly high: number }
  | { readonly kind: 'data'; readonly key: string; readonly value: Expr; readonly size: number };

export type Var = Extract<Atom, { kind: 'var' }>;

export interface Term { readonly atom: Atom; readonly coefficient: number }

/** An integer expression; `min` and `max` are inclusive bounds. `key` is equal exactly for equal normal forms. */
export interface Ix {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly key: string;
  readonly min: number;
  readonly max: number;
}

/** A loop variable that runs over 0 .. size-1; `key` must be unique within a kernel. */
export function variable(key: string, size: number): Var {
  return { kind: 'var', key, size };
}

export function constant(value: number): Ix {
  return build([], value);
}

export function ixOf(atom: Atom): Ix {
  if (atom.kind === 'var' && atom.size === 1) return constant(0);
  return build([{ atom, coefficient: 1 }], 0);
}

export function add(...parts: readonly Ix[]): Ix {
  const sum = new Map<string, Term>();
  let total = 0;
  for (const part of parts) {
    total += part.constant;
    for (const term of part.terms) {
      const old = sum.get(term.atom.key);
      const coefficient = (old?.coefficient ?? 0) + term.coefficient;
      if (coefficient === 0) sum.delete(term.atom.key);
      else sum.set(term.atom.key, { atom: term.atom, coefficient });
    }
  }
  return rejoin([...sum.values()], total);
}

export function scale(ix: Ix, by: number): Ix {
  if (by === 0) return constant(0);
  if (by === 1) return ix;
  return build(ix.terms.map((t) => ({ atom: t.atom, coefficient: t.coefficient * by })), ix.constant * by);
}

export function offset(ix: Ix, by: number): Ix {
  return by === 0 ? ix : build(ix.terms, ix.constant + by);
}

/** floor(ix / by), by > 0. */
export function div(ix: Ix, by: number): Ix {
  if (by === 1) return ix;
  const { whole, rest } = splitByFactor(ix, by);
  if (rest.min >= 0 && rest.max < by) return whole;
  return add(whole, divRest(rest, by));
}

/** ix - by * floor(ix / by), by > 0. */
export function mod(ix: Ix, by: number): Ix {
  if (by === 1) return constant(0);
  const { rest } = splitByFactor(ix, by);
  if (rest.min >= 0 && rest.max < by) return rest;
  const parts = coarseAndFine(rest, by);
  if (parts) return add(scale(mod(parts.coarse, by / parts.g), parts.g), parts.fine);
  const inner = soleAtom(rest);
  if (inner?.kind === 'mod' && inner.by % by === 0) return mod(inner.of, by);
  return ixOf({ kind: 'mod', key: `(${rest.key})%${by}`, of: rest, by });
}

/** ix limited to low .. high; the index stays valid where a guard will discard what it reads. */
export function clamp(ix: Ix, low: number, high: number): Ix {
  if (ix.min >= low && ix.max <= high) return ix;
  if (low === high) return constant(low);
  return ixOf({ kind: 'clamp', key: `clamp(${ix.key},${low},${high})`, of: ix, low, high });
}

/** An index read from data (an i32 or u32 value); `size` is the extent it indexes, and the value is clamped into it. */
export function fromData(value: Expr, size: number, key: string): Ix {
  return ixOf({ kind: 'data', key: `data(${key},${size})`, value, size });
}

/** The offset of a row-major element. */
export function flatten(index: readonly Ix[], strides: readonly number[]): Ix {
  return add(...index.map((ix, axis) => scale(ix, strides[axis])));
}

/** The multi-index of a row-major offset. */
export function unflatten(flat: Ix, shape: readonly number[], strides: readonly number[]): Ix[] {
  return shape.map((extent, axis) => (extent <= 1 ? constant(0) : axis === 0 ? div(flat, strides[0]) : mod(div(flat, strides[axis]), extent)));
}

/** The coefficient of `v`, or undefined if ix is not affine in it. */
export function coefficientOf(ix: Ix, v: Var): number | undefined {
  let coefficient = 0;
  for (const term of ix.terms) {
    if (term.atom.kind === 'var') {
      if (term.atom.key === v.key) coefficient = term.coefficient;
    } else if (atomUses(term.atom, v)) return undefined;
  }
  return coefficient;
}

export function uses(ix: Ix, v: Var): boolean {
  return ix.terms.some((t) => (t.atom.kind === 'var' ? t.atom.key === v.key : atomUses(t.atom, v)));
}

function atomUses(atom: Atom, v: Var): boolean {
  switch (atom.kind) {
    case 'var': return atom.key === v.key;
    case 'data': return exprUses(atom.value, v);
    default: return uses(atom.of, v);
  }
}

/** Expressions share parts, so each is visited once: a random draw has thousands of paths through a hundred parts. */
function exprUses(e: Expr, v: Var, seen: Set<Expr> = new Set()): boolean {
  if (seen.has(e)) return false;
  seen.add(e);
  if (e.kind === 'load' || e.kind === 'index') return uses(e.ix, v);
  return e.kind === 'op' ? e.args.some((a) => exprUses(a, v, seen)) : false;
}

/** Replaces variables by expressions; `mapData` rewrites the data expressions inside. */
export function substitute(ix: Ix, bind: ReadonlyMap<string, Ix>, mapData: (e: Expr) => Expr): Ix {
  return add(constant(ix.constant), ...ix.terms.map((t) => scale(substituteAtom(t.atom, bind, mapData), t.coefficient)));
}

function substituteAtom(atom: Atom, bind: ReadonlyMap<string, Ix>, mapData: (e: Expr) => Expr): Ix {
  switch (atom.kind) {
    case 'var': return bind.get(atom.key) ?? ixOf(atom);
    case 'div': return div(substitute(atom.of, bind, mapData), atom.by);
    case 'mod': return mod(substitute(atom.of, bind, mapData), atom.by);
    case 'clamp': return clamp(substitute(atom.of, bind, mapData), atom.low, atom.high);
    case 'data': {
      const suffix = [...bind].map(([k, to]) => `${k}=${to.key}`).join(';');
      return fromData(mapData(atom.value), atom.size, `${atom.key}|${suffix}`);
    }
    default: return atom satisfies never;
  }
}

function build(terms: readonly Term[], constantSum: number): Ix {
  const constantPart = constantSum + 0; // -0 becomes 0
  const sorted = terms.length > 1 ? [...terms].sort((a, b) => (a.atom.key < b.atom.key ? -1 : 1)) : terms;
  let min = constantPart;
  let max = constantPart;
  let key = '';
  for (const { atom, coefficient } of sorted) {
    const [low, high] = rangeOf(atom);
    min += coefficient > 0 ? coefficient * low : coefficient * high;
    max += coefficient > 0 ? coefficient * high : coefficient * low;
    key += `${coefficient}*${atom.key}+`;
  }
  return { terms: sorted, constant: constantPart, key: key + constantPart, min, max };
}

function rangeOf(atom: Atom): [number, number] {
  switch (atom.kind) {
    case 'var': return [0, Math.max(0, atom.size - 1)];
    case 'div': return [Math.floor(atom.of.min / atom.by), Math.floor(atom.of.max / atom.by)];
    case 'mod': return [0, atom.by - 1];
    case 'clamp': return [Math.max(atom.low, Math.min(atom.high, atom.of.min)), Math.min(atom.high, Math.max(atom.low, atom.of.max))];
    case 'data': return [0, Math.max(0, atom.size - 1)];
    default: return atom satisfies never;
  }
}

/** ix = by * whole + rest. */
function splitByFactor(ix: Ix, by: number): { whole: Ix; rest: Ix } {
  const wholeTerms: Term[] = [];
  const restTerms: Term[] = [];
  for (const t of ix.terms) {
    if (t.coefficient % by === 0) wholeTerms.push({ atom: t.atom, coefficient: t.coefficient / by });
    else restTerms.push(t);
  }
  const high = Math.floor(ix.constant / by);
  return { whole: build(wholeTerms, high), rest: build(restTerms, ix.constant - high * by) };
}

function divRest(rest: Ix, by: number): Ix {
  const parts = coarseAndFine(rest, by);
  if (parts) return div(parts.coarse, by / parts.g);
  const inner = soleAtom(rest);
  if (inner?.kind === 'div') return div(inner.of, inner.by * by);
  return ixOf({ kind: 'div', key: `(${rest.key})/${by}`, of: rest, by });
}

/**
 * rest = g * coarse + fine with 0 <= fine < g and g a common factor of `by`: then floor(rest / by) = floor(coarse / (by / g)), and the
 * remainder splits likewise. The largest such g, if any above 1.
 */
function coarseAndFine(rest: Ix, by: number): { g: number; coarse: Ix; fine: Ix } | undefined {
  const sizes = [...new Set(rest.terms.map((t) => Math.abs(t.coefficient)))].sort((a, b) => b - a);
  let g = by;
  let best: { g: number; coarse: Ix; fine: Ix } | undefined;
  for (const size of sizes) {
    g = gcd(g, size);
    if (g === 1) break;
    const low = ((rest.constant % g) + g) % g;
    const fine = build(rest.terms.filter((t) => t.coefficient % g !== 0), low);
    if (fine.min < 0 || fine.max >= g || (best && best.g >= g)) continue;
    const coarse = build(rest.terms.filter((t) => t.coefficient % g === 0).map((t) => ({ atom: t.atom, coefficient: t.coefficient / g })), (rest.constant - low) / g);
    best = { g, coarse, fine };
  }
  return best;
}

function soleAtom(ix: Ix): Atom | undefined {
  return ix.terms.length === 1 && ix.constant === 0 && ix.terms[0].coefficient === 1 ? ix.terms[0].atom : undefined;
}

/** Undoes a quotient and remainder of the same expression:  c*k*(x/k) + c*(x%k) = c*x. */
function rejoin(terms: Term[], constantPart: number): Ix {
  for (const t of terms) {
    if (t.atom.kind !== 'mod') continue;
    const quotient = soleAtom(div(t.atom.of, t.atom.by));
    if (!quotient) continue;
    const partner = terms.find((o) => o.atom.key === quotient.key && o.coefficient === t.coefficient * (t.atom as { by: number }).by);
    if (!partner) continue;
    const others = build(terms.filter((o) => o !== t && o !== partner), constantPart);
    return add(others, scale(t.atom.of, t.coefficient));
  }
  return build(terms, constantPart);
}

function gcd(a: number, b: number): number {
  let x = Math.abs(a);
  let y = Math.abs(b);
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** Evaluates index expressions to numbers. */
import { InternalError } from '../base/index.ts';
import type { Atom, Expr, Ix, Var } from '../scalar/index.ts';

export function evaluateIx(index: Ix, at: ReadonlyMap<string, number>, data?: (e: Expr) => number): number {
  let sum = index.constant;
  for (const { atom, coefficient } of index.terms) sum += coefficient * evaluateAtom(atom, at, data);
  return sum;
}

function evaluateAtom(atom: Atom, at: ReadonlyMap<string, number>, data?: (e: Expr) => number): number {
  switch (atom.kind) {
    case 'var': {
      const value = at.get(atom.key);
      if (value === undefined) throw new InternalError(`variable ${atom.key} has no value`);
      return value;
    }
    case 'div': return Math.floor(evaluateIx(atom.of, at, data) / atom.by);
    case 'mod': {
      const value = evaluateIx(atom.of, at, data);
      return value - atom.by * Math.floor(value / atom.by);
    }
    case 'clamp': return Math.min(atom.high, Math.max(atom.low, evaluateIx(atom.of, at, data)));
    case 'data': {
      if (!data) throw new InternalError('an index from data needs data');
      return Math.min(atom.size - 1, Math.max(0, data(atom.value)));
    }
    default: return atom satisfies never;
  }
}

/** An index expression of one variable at each of its values, in order. Only the first period is evaluated. */
export function tabulateIx(index: Ix, over: Var): Int32Array {
  const { period, growth } = periodOf(index);
  const out = new Int32Array(over.size);
  const first = Math.min(period, out.length);
  for (let i = 0; i < first; i++) out[i] = evaluateIx(index, new Map([[over.key, i]]));
  for (let i = first; i < out.length; i++) out[i] = out[i - first] + growth;
  return out;
}

/** f(v + period) = f(v) + growth for every v. */
interface Period { readonly period: number; readonly growth: number }

function periodOf(index: Ix): Period {
  const parts = index.terms.map((t) => ({ of: atomPeriod(t.atom), coefficient: t.coefficient }));
  const period = parts.reduce((common, { of }) => (common * of.period) / gcd(common, of.period), 1);
  return { period, growth: parts.reduce((sum, { of, coefficient }) => sum + coefficient * of.growth * (period / of.period), 0) };
}

function atomPeriod(atom: Atom): Period {
  if (atom.kind === 'var') return { period: 1, growth: 1 };
  if (atom.kind === 'data') return { period: Infinity, growth: 0 };
  const { period, growth } = periodOf(atom.of);
  if (atom.kind === 'clamp') return growth === 0 ? { period, growth } : { period: Infinity, growth: 0 };
  const times = atom.by / gcd(atom.by, growth);
  return { period: period * times, growth: atom.kind === 'div' ? (growth * times) / atom.by : 0 };
}

/** For 0 and infinity too: what is left divides both, and their common multiple stays infinite. */
function gcd(a: number, b: number): number {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return 1;
  let [x, y] = [Math.abs(a), Math.abs(b)];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** Evaluates an index expression to a number. */
import { InternalError } from '../base/index.ts';
import type { Atom, Expr, Ix } from '../scalar/index.ts';

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

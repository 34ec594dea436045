/** Walks and rewrites of expressions: which loads they make, and replacing variables or loads. */
import { indexValue, ix } from '../scalar/index.ts';
import type { Atom, Expr, Ix, Var } from '../scalar/index.ts';

type Load = Extract<Expr, { kind: 'load' }>;

const NO_LOADS: readonly Load[] = [];

/** All loads of an expression, those inside data-dependent indices included; each distinct object once. */
export function loadsOf(root: Expr): readonly Load[] {
  const out: Load[] = [];
  visit([root], (e) => { if (e.kind === 'load') out.push(e); });
  return out.length > 0 ? out : NO_LOADS;
}

/** The loads inside data-dependent indices. */
export function indexLoadsOf(root: Expr): readonly Load[] {
  const data: Expr[] = [];
  visit([root], (e) => { if (e.kind === 'load' || e.kind === 'index') data.push(...dataOf(e.ix)); });
  return data.flatMap(loadsOf);
}

/** Calls `see` once for every expression object under the roots. */
export function visit(roots: readonly Expr[], see: (e: Expr) => void): void {
  const seen = new Set<Expr>();
  const stack: Expr[] = [...roots];
  for (let e = stack.pop(); e !== undefined; e = stack.pop()) {
    if (seen.has(e)) continue;
    seen.add(e);
    see(e);
    if (e.kind === 'op') stack.push(...e.args);
    else if (e.kind === 'load' || e.kind === 'index') for (const d of dataOf(e.ix)) stack.push(d);
  }
}

/** Expressions inside an index. */
export function dataOf(index: Ix): Expr[] {
  const out: Expr[] = [];
  const walk = (i: Ix): void => { for (const t of i.terms) atom(t.atom); };
  const atom = (a: Atom): void => {
    if (a.kind === 'data') out.push(a.value);
    else if (a.kind !== 'var') walk(a.of);
  };
  walk(index);
  return out;
}

/** Replaces variables, and loads for which `replaceLoad` (seeing the rewritten load) gives something else. */
export class Rewriter {
  private readonly memo = new Map<Expr, Expr>();
  private readonly bind: ReadonlyMap<string, Ix>;
  private readonly replaceLoad: (l: Load) => Expr | undefined;

  constructor(bind: ReadonlyMap<string, Ix>, replaceLoad: (l: Load) => Expr | undefined = () => undefined) {
    this.bind = bind;
    this.replaceLoad = replaceLoad;
  }

  readonly expr = (e: Expr): Expr => {
    const old = this.memo.get(e);
    if (old) return old;
    const made = this.rebuild(e);
    this.memo.set(e, made);
    return made;
  };

  readonly index = (i: Ix): Ix => ix.substitute(i, this.bind, this.expr);

  private rebuild(e: Expr): Expr {
    switch (e.kind) {
      case 'const': return e;
      case 'local': return e;
      case 'index': return indexValue(this.index(e.ix));
      case 'load': {
        const moved: Load = { ...e, ix: this.index(e.ix) };
        return this.replaceLoad(moved) ?? moved;
      }
      case 'op': {
        const args = e.args.map(this.expr);
        return args.every((a, i) => a === e.args[i]) ? e : { ...e, args };
      }
      default: return e satisfies never;
    }
  }
}

/** Binds variables to other variables or indices. */
export function bindings(pairs: readonly (readonly [Var, Ix])[]): Map<string, Ix> {
  return new Map(pairs.map(([v, to]) => [v.key, to]));
}

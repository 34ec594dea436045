/** Expressions as closures. A scope holds the loop variables and locals of one nest; whatever is set in it makes all values new. */
import { InternalError } from '../../base/index.ts';
import type { DType, TypedArray } from '../../base/index.ts';
import type { Buffer, Store } from '../../compiler/index.ts';
import type { Atom, Expr, Ix, Var } from '../../scalar/index.ts';
import { scalarFunction } from './scalar-functions.ts';

/** A buffer's memory as elements of a dtype. */
export type View = (b: Buffer, dtype: DType) => TypedArray;
export type Compute = () => number;

interface Cell { value: number }

export class Scope {
  readonly view: View;
  private readonly cells = new Map<string, Cell>();
  private readonly values = new Map<Expr, Compute>();
  /** Grows with every change; a value computed at another moment is old. */
  private moment = 0;

  constructor(view: View) {
    this.view = view;
  }

  /** Sets variables or locals. */
  setter(name: string): (value: number) => void {
    const cell = this.cell(name);
    return (value) => {
      cell.value = value;
      this.moment++;
    };
  }

  /** The body for every combination of the variables, the last one fastest. */
  loops(vars: readonly Var[], body: () => void): () => void {
    return vars.reduceRight((inner, v) => {
      const set = this.setter(v.key);
      return () => {
        for (let i = 0; i < v.size; i++) {
          set(i);
          inner();
        }
      };
    }, body);
  }

  /** Sets each variable of a row-major flat counter. */
  decoder(vars: readonly Var[]): (flat: number) => void {
    const setters = vars.map((v) => this.setter(v.key));
    return (flat) => {
      let rest = flat;
      for (let i = vars.length - 1; i >= 0; i--) {
        setters[i](i === 0 ? rest : rest % vars[i].size);
        rest = Math.floor(rest / vars[i].size);
      }
    };
  }

  /** Stores values at the current point; all are computed before the first is stored, because one may overwrite what others read. */
  storing(stores: readonly Store[]): () => void {
    const targets = stores.map((s) => this.view(s.buffer, s.buffer.dtype));
    const indices = stores.map((s) => this.index(s.ix));
    const values = stores.map((s) => this.value(s.value));
    const computed = new Array<number>(stores.length);
    return () => {
      for (let i = 0; i < computed.length; i++) computed[i] = values[i]();
      for (let i = 0; i < computed.length; i++) targets[i][indices[i]()] = computed[i];
      this.moment++;
    };
  }

  /** The value of an expression at the current point; each part is computed once for a point. */
  value(e: Expr): Compute {
    let compute = this.values.get(e);
    if (!compute) this.values.set(e, (compute = this.compile(e)));
    return compute;
  }

  index(ix: Ix): Compute {
    const parts = ix.terms.map(({ atom, coefficient }) => ({ of: this.atom(atom), coefficient }));
    return () => {
      let sum = ix.constant;
      for (const { of, coefficient } of parts) sum += coefficient * of();
      return sum;
    };
  }

  private cell(name: string): Cell {
    let cell = this.cells.get(name);
    if (!cell) this.cells.set(name, (cell = { value: NaN }));
    return cell;
  }

  private compile(e: Expr): Compute {
    switch (e.kind) {
      case 'const': return () => e.value;
      case 'index': return this.index(e.ix);
      case 'local': return this.reading(e.name);
      case 'load': {
        const memory = this.view(e.source as Buffer, e.dtype);
        const at = this.index(e.ix);
        return () => memory[at()];
      }
      case 'op': return this.once(this.operation(e));
      default: return e satisfies never;
    }
  }

  private operation(e: Extract<Expr, { kind: 'op' }>): Compute {
    const [a, b, c] = e.args.map((arg) => this.value(arg));
    if (e.fn === 'select') return () => (a() !== 0 ? b() : c());
    const f = scalarFunction(e.fn, e.args[0].dtype, e.dtype);
    return b ? () => f(a(), b()) : () => f(a(), 0);
  }

  private once(compute: Compute): Compute {
    let moment = -1;
    let value = 0;
    return () => {
      if (moment !== this.moment) {
        value = compute();
        moment = this.moment;
      }
      return value;
    };
  }

  private reading(name: string): Compute {
    const cell = this.cell(name);
    return () => cell.value;
  }

  private atom(atom: Atom): Compute {
    switch (atom.kind) {
      case 'var': return this.reading(atom.key);
      case 'data': return limited(this.value(atom.value), 0, atom.size - 1);
      case 'clamp': return limited(this.index(atom.of), atom.low, atom.high);
      case 'div': case 'mod': {
        const of = this.index(atom.of);
        const { by } = atom;
        if (atom.kind === 'div') return () => Math.floor(of() / by);
        return () => of() - by * Math.floor(of() / by);
      }
      default: return atom satisfies never;
    }
  }
}

function limited(of: Compute, low: number, high: number): Compute {
  if (high < low) throw new InternalError('an index of nothing');
  return () => Math.max(low, Math.min(high, of()));
}

/** One point of a loop nest: values of loop variables and locals, and expressions evaluated there. */
import { InternalError } from '../../base/index.ts';
import type { DType } from '../../base/index.ts';
import { evaluateIx } from '../../compiler/index.ts';
import type { Buffer, Store } from '../../compiler/index.ts';
import type { Expr, Ix, Var } from '../../scalar/index.ts';
import { operationOf } from './operations.ts';

/** Elements of a buffer as they lie in memory. */
export type Values = Float32Array | Int32Array | Uint32Array;

type Evaluate = () => number;

export class Point {
  private readonly valuesOf: (b: Buffer) => Values;
  private readonly at = new Map<string, number>();
  private readonly locals = new Map<string, number>();
  private readonly compiled = new Map<Expr, Evaluate>();
  /** Changes with every variable and local: a shared part of an expression is evaluated once at each point. */
  private moment = 0;

  /** @param valuesOf where a buffer's elements are */
  constructor(valuesOf: (b: Buffer) => Values) {
    this.valuesOf = valuesOf;
  }

  set(v: Var, value: number): void {
    this.at.set(v.key, value);
    this.moment++;
  }

  setLocal(name: string, value: number): void {
    this.locals.set(name, value);
    this.moment++;
  }

  /** Runs `body` for every combination of the variables, the last one fastest. */
  loop(vars: readonly Var[], body: () => void): void {
    const [first, ...rest] = vars;
    if (!first) return body();
    for (let i = 0; i < first.size; i++) {
      this.set(first, i);
      this.loop(rest, body);
    }
  }

  /** Sets variables from a row-major counter. */
  decode(vars: readonly Var[], flat: number): void {
    let rest = flat;
    for (let i = vars.length - 1; i >= 0; i--) {
      this.set(vars[i], rest % vars[i].size);
      rest = Math.floor(rest / vars[i].size);
    }
  }

  value(e: Expr): number {
    return this.compile(e)();
  }

  index(i: Ix): number {
    return evaluateIx(i, this.at, (e) => this.value(e));
  }

  /** Stores values; all are computed before the first is stored. */
  store(stores: readonly Store[]): void {
    const values = stores.map((s) => this.value(s.value));
    stores.forEach((s, i) => { this.valuesOf(s.buffer)[this.index(s.ix)] = values[i]; });
    this.moment++;
  }

  /** Writes a word of a partial result, whose words may be of any type. */
  write(buffer: Buffer, offset: number, value: number, dtype: DType): void {
    this.words(buffer, dtype)[offset] = value;
    this.moment++;
  }

  read(buffer: Buffer, offset: number, dtype: DType): number {
    return this.words(buffer, dtype)[offset];
  }

  private words(buffer: Buffer, dtype: DType): Values {
    const values = this.valuesOf(buffer);
    if (dtype === 'f32') return values;
    const kind = dtype === 'u32' ? Uint32Array : Int32Array;
    return new kind(values.buffer as ArrayBuffer, values.byteOffset, values.length);
  }

  private compile(e: Expr): Evaluate {
    let run = this.compiled.get(e);
    if (!run) this.compiled.set(e, (run = this.once(this.closure(e))));
    return run;
  }

  /** The same value as long as nothing changes. */
  private once(evaluate: Evaluate): Evaluate {
    let moment = -1;
    let value = 0;
    return () => {
      if (moment !== this.moment) {
        value = evaluate();
        moment = this.moment;
      }
      return value;
    };
  }

  private closure(e: Expr): Evaluate {
    switch (e.kind) {
      case 'const': {
        const value = e.dtype === 'f32' ? Math.fround(e.value) : e.dtype === 'u32' ? e.value >>> 0 : e.value | 0;
        return () => value;
      }
      case 'load': return () => {
        const value = this.valuesOf(e.source as Buffer)[this.index(e.ix)];
        return e.dtype === 'bool' ? Number(value !== 0) : value;
      };
      case 'index': return () => this.index(e.ix);
      case 'local': return () => {
        const value = this.locals.get(e.name);
        if (value === undefined) throw new InternalError(`no value named ${e.name}`);
        return value;
      };
      case 'op': {
        const operation = operationOf(e);
        const args = e.args.map((a) => this.compile(a));
        return () => operation(...args.map((a) => a()));
      }
      default: return e satisfies never;
    }
  }
}

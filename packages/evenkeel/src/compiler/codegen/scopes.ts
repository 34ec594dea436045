/** What has been written so far and can be used again: values by expression and by number, in nested scopes. */
import type { Expr, Source } from '../../scalar/index.ts';
import type { Builder, Value } from '../vector/index.ts';

interface Scope { readonly numbered: Map<string, Value>; readonly values: Map<Expr, Value> }

export class Scopes {
  private readonly b: Builder;
  private readonly scopes: Scope[] = [{ numbered: new Map(), values: new Map() }];
  private readonly numbers = new Map<Value, number>();
  private readonly sources = new Map<Source, number>();

  constructor(b: Builder) {
    this.b = b;
  }

  get depth(): number { return this.scopes.length; }
  open(): void { this.scopes.push({ numbered: new Map(), values: new Map() }); }
  close(): void { this.scopes.pop(); }

  /** The value of an expression object, if it was written in an open scope. */
  valueOf(e: Expr): Value | undefined {
    for (let s = this.scopes.length - 1; s >= 0; s--) {
      const known = this.scopes[s].values.get(e);
      if (known) return known;
    }
    return undefined;
  }

  keep(e: Expr, value: Value): Value {
    this.scopes[this.scopes.length - 1].values.set(e, value);
    return value;
  }

  find(key: string): Value | undefined {
    for (let s = this.scopes.length - 1; s >= 0; s--) {
      const known = this.scopes[s].numbered.get(key);
      if (known) return known;
    }
    return undefined;
  }

  set(key: string, value: Value): void {
    this.scopes[this.scopes.length - 1].numbered.set(key, value);
  }

  /** One local per key in scope. */
  shared(key: string, make: () => Value): Value {
    const known = this.find(key);
    if (known) return known;
    const made = this.b.let(make());
    this.set(key, made);
    return made;
  }

  numberOf(value: Value): number { return number(this.numbers, value); }
  sourceNumber(source: Source): number { return number(this.sources, source); }
}

function number<T>(known: Map<T, number>, of: T): number {
  let n = known.get(of);
  if (n === undefined) known.set(of, (n = known.size));
  return n;
}

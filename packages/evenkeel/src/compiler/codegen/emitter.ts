/**
 * Writes expressions as vector code. Every value is written once per scope and kept in a local; `hoist` writes what does not
 * depend on the loops still to be opened, so that invariants leave the inner loops.
 */
import { InternalError } from '../../base/index.ts';
import { ix } from '../../scalar/index.ts';
import type { Atom, Expr, Ix, Source, Term, Var } from '../../scalar/index.ts';
import type { Store } from '../nest.ts';
import { Rewriter, visit } from '../rewrite.ts';
import type { Builder, Value } from '../vector/index.ts';
import { emitOp } from './operations.ts';
import { Scopes } from './scopes.ts';

/** Where a source lies: a constant byte address, or one relative to a run-time base. */
export interface Place { readonly base?: Value; readonly offset: number }

type OpExpr = Extract<Expr, { kind: 'op' }>;
interface Bound { readonly value: Value; readonly depth: number }

export class Emitter {
  readonly b: Builder;
  /** Values at hand by name: results of reductions, products, states. */
  locals = new Map<string, Value>();
  private readonly placeOf: (s: Source) => Place;
  private readonly places = new Map<Source, Place>();
  private bound = new Map<string, Bound>();
  private readonly known: Scopes;
  /** The variable that runs along the lanes, and how many lanes are in use. */
  private vector: { readonly v: Var; readonly lanes: number } | undefined;

  constructor(b: Builder, placeOf: (s: Source) => Place) {
    this.b = b;
    this.placeOf = placeOf;
    this.known = new Scopes(b);
  }

  /** Runs `body` with what it writes kept apart: values made inside are not used outside. */
  scope(body: () => void): void {
    this.known.open();
    const { locals, bound } = this;
    this.locals = new Map(locals);
    this.bound = new Map(bound);
    body();
    this.locals = locals;
    this.bound = bound;
    this.known.close();
  }

  bind(v: Var, value: Value): void {
    this.bound.set(v.key, { value, depth: this.known.depth });
  }

  /** for v = from; v < to; v += step, in a scope of its own. */
  loop(v: Var, from: Value | number, to: Value | number, step: number, body: () => void): void {
    this.b.loop(from, to, step, (i) => this.scope(() => {
      this.bind(v, i);
      body();
    }));
  }

  /** Runs `body` with v along the lanes, `lanes` of them in use; v is bound to lane 0's value. */
  along(v: Var, lanes: number, body: () => void): void {
    const outer = this.vector;
    this.vector = { v, lanes };
    body();
    this.vector = outer;
  }

  /** Binds each variable of a row-major flat counter. */
  decode(vars: readonly Var[], flat: Value): void {
    let rest = flat;
    for (let i = vars.length - 1; i >= 0; i--) {
      const { size } = vars[i];
      if (i === 0) this.bind(vars[0], this.b.let(rest));
      else {
        this.bind(vars[i], this.b.let(this.b.scalar('remS', rest, size)));
        rest = this.b.let(this.b.scalar('divS', rest, size));
      }
    }
  }

  /** Writes now, in this scope, whatever the expressions need that does not depend on unbound variables or unknown locals. */
  hoist(exprs: readonly Expr[], indices: readonly Ix[] = []): void {
    const seen = new Set<Expr>();
    const known = new Map<Expr, boolean>();
    const walk = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (this.ready(e, known)) this.value(e);
      else if (e.kind === 'op') e.args.forEach(walk);
      else if (e.kind === 'load') this.hoistIndex(addressParts(e.ix).dynamic, known);
      else if (e.kind === 'index') this.hoistIndex(e.ix, known);
    };
    exprs.forEach(walk);
    for (const i of indices) this.hoistIndex(addressParts(i).dynamic, known);
  }

  /** Writes the addresses of all loads and stores now, so that neighbouring vectors share them. */
  shareAddresses(exprs: readonly Expr[], indices: readonly Ix[]): void {
    const known = new Map<Expr, boolean>();
    visit(exprs, (e) => { if (e.kind === 'load') this.hoistIndex(addressParts(e.ix).dynamic, known); });
    for (const i of indices) this.hoistIndex(addressParts(i).dynamic, known);
  }

  private hoistIndex(i: Ix, known: Map<Expr, boolean>): void {
    const terms = this.byDepth(i.terms.filter((t) => this.atomReady(t.atom, known)));
    if (terms.length > 0) this.sum(terms);
  }

  /** The i32 value of an index. */
  index(i: Ix): Value {
    const terms = this.byDepth(i.terms);
    return terms.length === 0 ? this.b.i32(i.constant) : this.b.scalar('add', this.sum(terms), i.constant);
  }

  /** Byte address of an element of a source, split into a run-time part and a constant. */
  address(source: Source, i: Ix): { address: Value; offset: number } {
    const { dynamic, constant } = addressParts(i);
    const place = this.places.get(source) ?? this.placeOf(source);
    const address = this.index(dynamic);
    return { address: place.base ? this.shared(`base:${this.known.numberOf(place.base)}+${dynamic.key}`, () => this.b.scalar('add', place.base!, address)) : address, offset: place.offset + constant };
  }

  /** The vector value of an expression. */
  value(e: Expr): Value {
    return this.known.valueOf(e) ?? this.known.keep(e, this.make(e));
  }

  /** Stores values at elements, along a vector variable one element a lane; all are computed before the first is stored. */
  storeAll(stores: readonly Store[]): void {
    const values = stores.map((s) => this.stored(s.value));
    stores.forEach((s, i) => this.storeValue(s.buffer, s.ix, values[i]));
  }

  /** The value as it lies in memory: a bool is 0 or 1. */
  stored(e: Expr): Value {
    const value = this.value(e);
    return e.dtype === 'bool' ? this.b.let(this.b.int('and', value, this.b.splat('i', 1))) : value;
  }

  /** Stores a whole vector though fewer lanes may be in use: the target has room, and nobody looks at the others. */
  storeWhole(source: Source, i: Ix, value: Value): void {
    const { address, offset } = this.address(source, i);
    this.b.store(address, offset, value);
  }

  /** A whole vector of zeros. */
  zero(source: Source, i: Ix): void {
    const { address, offset } = this.address(source, i);
    this.b.store(address, offset, this.b.splat('f', 0));
  }

  /** Says where a scratch source lies from here on. */
  place(source: Source, place: Place): void {
    this.places.set(source, place);
  }

  storeValue(source: Source, i: Ix, value: Value): void {
    const step = this.vector ? ix.coefficientOf(i, this.vector.v) : 0;
    const lanes = this.vector?.lanes ?? 1;
    if (step === 1 || (step === 0 && !this.vector)) {
      const { address, offset } = this.address(source, i);
      this.b.store(address, offset, value, lanes);
      return;
    }
    for (let lane = 0; lane < lanes; lane++) {
      const { address, offset } = this.address(source, this.atLane(i, lane));
      this.b.storeScalar(address, offset, this.b.extract(value.type === 'f' ? this.b.bits(value) : value, lane));
    }
  }

  private make(e: Expr): Value {
    switch (e.kind) {
      case 'const': return this.shared(`c:${e.dtype}:${Object.is(e.value, -0) ? '-0' : e.value}`, () => this.constant(e.value, e.dtype));
      case 'local': {
        const known = this.locals.get(e.name);
        if (!known) throw new InternalError(`no value named ${e.name}`);
        return known;
      }
      case 'load': return this.load(e);
      case 'index': return this.indexVector(e.ix);
      case 'op': {
        const product = this.fusable(e);
        if (product) return this.b.let(this.b.fma(this.value(product.of.args[0]), this.value(product.of.args[1]), this.value(product.plus)));
        const args = e.args.map((a) => this.value(a));
        return this.shared(`${e.fn}:${e.dtype}:${e.args[0].dtype}:${args.map((a) => this.known.numberOf(a)).join(',')}`, () => emitOp(this.b, e, args));
      }
      default: return e satisfies never;
    }
  }

  /**
   * a * b + c as one fused operation. Whether it is fused depends on the expression alone and not on what is at hand: kernels that
   * compute a value again must agree to the last digit, because it may be compared with its maximum.
   */
  private fusable(e: OpExpr): { of: OpExpr; plus: Expr } | undefined {
    if (e.fn !== 'add' || e.dtype !== 'f32') return undefined;
    const [x, y] = e.args;
    if (isProduct(y)) return { of: y, plus: x };
    return isProduct(x) ? { of: x, plus: y } : undefined;
  }

  private constant(value: number, dtype: Expr['dtype']): Value {
    if (dtype === 'f32') return this.b.splat('f', value);
    return this.b.splat('i', dtype === 'bool' ? (value !== 0 ? -1 : 0) : value | 0);
  }

  private load(e: Extract<Expr, { kind: 'load' }>): Value {
    const raw = this.shared(`l:${this.known.sourceNumber(e.source)}:${e.ix.key}`, () => this.loadRaw(e.source, e.ix, e.dtype === 'f32' ? 'f' : 'i'));
    if (e.dtype !== 'bool') return raw;
    return this.shared(`b:${this.known.numberOf(raw)}`, () => this.b.intCompare('ne', raw, this.b.splat('i', 0)));
  }

  /** Reads memory that this code itself writes: never shared with an earlier read. */
  fresh(source: Source, i: Ix, dtype: Expr['dtype'], lanes?: number): Value {
    const type = dtype === 'f32' ? 'f' : 'i';
    if (lanes === undefined) return this.loadRaw(source, i, type);
    const { address, offset } = this.address(source, i);
    return this.b.load(type, address, offset, lanes);
  }

  private loadRaw(source: Source, i: Ix, type: 'f' | 'i'): Value {
    const step = this.vector ? ix.coefficientOf(i, this.vector.v) : 0;
    if (step === 0 || step === 1) {
      const { address, offset } = this.address(source, i);
      return step === 0 ? this.b.loadSplat(type, address, offset) : this.b.load(type, address, offset, this.vector!.lanes);
    }
    const places = Array.from({ length: this.vector!.lanes }, (_, lane) => this.address(source, this.atLane(i, lane)));
    const offset = Math.min(...places.map((p) => p.offset));
    return this.b.gather(type, places.map((p) => this.b.scalar('add', p.address, p.offset - offset)), offset);
  }

  private indexVector(i: Ix): Value {
    return this.shared(`x:${i.key}`, () => {
      const step = this.vector ? ix.coefficientOf(i, this.vector.v) : 0;
      if (step === undefined) return this.indexWithData(i) ?? this.b.pack(Array.from({ length: this.vector!.lanes }, (_, lane) => this.index(this.atLane(i, lane))));
      const first = this.b.splatScalar(this.index(i));
      return step === 0 ? first : this.b.int('add', first, this.b.laneConstants('i', (lane) => lane * step));
    });
  }

  /** A sum of indices from data, which are vectors already, and a rest that is affine along the lanes. */
  private indexWithData(i: Ix): Value | undefined {
    const { b } = this;
    const { v } = this.vector!;
    const fromData = i.terms.filter((t) => t.atom.kind === 'data' && ix.uses(ix.ixOf(t.atom), v));
    const rest = ix.offset(ix.add(...i.terms.filter((t) => !fromData.includes(t)).map((t) => ix.scale(ix.ixOf(t.atom), t.coefficient))), i.constant);
    if (fromData.length === 0 || ix.coefficientOf(rest, v) === undefined) return undefined;
    return fromData.reduce((sum, { atom, coefficient }) => {
      const { value, size } = atom as Extract<Atom, { kind: 'data' }>;
      const inside = b.int('minS', b.int('maxS', this.value(value), b.splat('i', 0)), b.splat('i', size - 1));
      return b.int('add', sum, coefficient === 1 ? inside : b.int('mul', inside, b.splat('i', coefficient)));
    }, this.indexVector(rest));
  }

  /** The index one lane sees. */
  private atLane(i: Ix, lane: number): Ix {
    if (lane === 0 || !this.vector) return i;
    return laneRewriter(this.vector.v, lane).index(i);
  }

  private sum(terms: readonly Term[]): Value {
    let done = terms.length;
    let value: Value | undefined;
    for (; done > 0; done--) {
      value = this.known.find(sumKey(terms, done));
      if (value) break;
    }
    for (; done < terms.length; done++) {
      const { atom, coefficient } = terms[done];
      const scaled = this.shared(`t:${coefficient}*${atom.key}`, () => this.b.scalar('mul', this.atom(atom), coefficient));
      value = value ? this.b.let(this.b.scalar('add', value, scaled)) : scaled;
      this.known.set(sumKey(terms, done + 1), value);
    }
    return value!;
  }

  private atom(atom: Atom): Value {
    if (atom.kind === 'var') {
      const known = this.bound.get(atom.key);
      if (!known) throw new InternalError(`variable ${atom.key} is not bound`);
      return known.value;
    }
    return this.shared(`a:${atom.key}`, () => this.makeAtom(atom));
  }

  private makeAtom(atom: Exclude<Atom, { kind: 'var' }>): Value {
    const { b } = this;
    if (atom.kind === 'data') return this.clamped(this.scalarOf(atom.value), 0, atom.size - 1, true, true);
    const of = b.let(this.index(atom.of));
    if (atom.kind === 'clamp') return this.clamped(of, atom.low, atom.high, atom.of.min < atom.low, atom.of.max > atom.high);
    if (atom.of.min < 0) return this.floorDivision(atom, of);
    const power = Math.log2(atom.by);
    if (Number.isInteger(power)) return atom.kind === 'div' ? b.scalar('shrU', of, power) : b.scalar('and', of, atom.by - 1);
    return b.scalar(atom.kind === 'div' ? 'divS' : 'remS', of, atom.by);
  }

  /** Floor division and remainder of a value that may be negative, by shifting it up a multiple of the divisor. */
  private floorDivision(atom: { kind: 'div' | 'mod'; of: Ix; by: number }, of: Value): Value {
    const { b } = this;
    const lift = Math.ceil(-atom.of.min / atom.by);
    const up = b.scalar('add', of, lift * atom.by);
    return atom.kind === 'mod' ? b.scalar('remS', up, atom.by) : b.scalar('sub', b.scalar('divS', up, atom.by), lift);
  }

  private clamped(x: Value, low: number, high: number, checkLow: boolean, checkHigh: boolean): Value {
    let value = this.b.let(x);
    if (checkHigh) value = this.b.let(this.b.choose(this.b.scalar('gtS', value, high), this.b.i32(high), value));
    return checkLow ? this.b.choose(this.b.scalar('ltS', value, low), this.b.i32(low), value) : value;
  }

  /** Lane 0 of an integer expression as a scalar; an expression along the lanes is read through atLane. */
  private scalarOf(e: Expr): Value {
    const outer = this.vector;
    if (!outer) return this.b.extract(this.value(e), 0);
    let lane!: Value;
    this.vector = undefined;
    // Apart, because what is written here has the right value in lane 0 only.
    this.scope(() => { lane = this.b.let(this.b.extract(this.value(e), 0)); });
    this.vector = outer;
    return lane;
  }

  private ready(e: Expr, known: Map<Expr, boolean>): boolean {
    let is = known.get(e);
    if (is === undefined) known.set(e, (is = this.isReady(e, known)));
    return is;
  }

  private isReady(e: Expr, known: Map<Expr, boolean>): boolean {
    switch (e.kind) {
      case 'const': return true;
      case 'local': return this.locals.has(e.name);
      case 'load': case 'index': return e.ix.terms.every((t) => this.atomReady(t.atom, known));
      case 'op': return e.args.every((a) => this.ready(a, known));
      default: return e satisfies never;
    }
  }

  private atomReady(atom: Atom, known: Map<Expr, boolean>): boolean {
    switch (atom.kind) {
      case 'var': return this.bound.has(atom.key);
      case 'data': return this.ready(atom.value, known);
      default: return atom.of.terms.every((t) => this.atomReady(t.atom, known));
    }
  }

  private byDepth(terms: readonly Term[]): readonly Term[] {
    return terms.length < 2 ? terms : [...terms].sort((x, y) => this.depth(x.atom) - this.depth(y.atom) || (x.atom.key < y.atom.key ? -1 : 1));
  }

  private depth(atom: Atom): number {
    switch (atom.kind) {
      case 'var': return this.bound.get(atom.key)?.depth ?? Infinity;
      case 'data': return Infinity;
      default: return Math.max(0, ...atom.of.terms.map((t) => this.depth(t.atom)));
    }
  }

  /** Value numbering: one local per key in scope. */
  private shared(key: string, make: () => Value): Value {
    return this.known.shared(key, make);
  }
}

function isProduct(e: Expr): e is OpExpr {
  return e.kind === 'op' && e.fn === 'mul' && e.dtype === 'f32';
}

function sumKey(terms: readonly Term[], count: number): string {
  let key = 's:';
  for (let i = 0; i < count; i++) key += `${terms[i].coefficient}*${terms[i].atom.key}+`;
  return key;
}

/** In bytes: a part that is never negative at run time, and a constant for the load's immediate. */
function addressParts(i: Ix): { dynamic: Ix; constant: number } {
  const lift = i.constant - i.min;
  return { dynamic: ix.scale(ix.offset(i, lift - i.constant), 4), constant: i.min * 4 };
}

/** v -> v + lane. */
export function laneRewriter(v: Var, lane: number): Rewriter {
  return new Rewriter(new Map([[v.key, ix.offset(ix.ixOf(v), lane)]]));
}

/** Writes vector functions statement by statement: the pen that kernels are written with. */
import type { FloatCompare, FloatOp, FloatUnary, IntCompare, IntOp, ScalarOp, Statement, Value, VectorFunction, VType } from './program.ts';

export class Builder {
  readonly lanes: number;
  private readonly name: string;
  private readonly params: number;
  private readonly types: VType[];
  private scope: Statement[] = [];

  constructor(name: string, params: number, lanes: number) {
    this.name = name;
    this.params = params;
    this.lanes = lanes;
    this.types = new Array<VType>(params).fill('i32');
  }

  param(index: number): Value { return { type: 'i32', op: 'local', index }; }

  /** A new local that holds `value`; changing it later is `assign`. */
  let(value: Value): Value {
    if (value.op === 'local' || value.op === 'i32') return value;
    return this.mutable(value);
  }
  /** As `let`, but always a local of its own. */
  mutable(value: Value): Value {
    const index = this.types.push(value.type) - 1;
    this.scope.push({ op: 'set', index, value });
    return { type: value.type, op: 'local', index };
  }
  assign(target: Value, value: Value): void {
    if (target.op !== 'local') throw new TypeError('assign needs a local');
    this.scope.push({ op: 'set', index: target.index, value });
  }

  loop(from: Value | number, to: Value | number, step: number, body: (i: Value) => void): void {
    const index = this.types.push('i32') - 1;
    const statements = this.nested(() => body({ type: 'i32', op: 'local', index }));
    this.scope.push({ op: 'loop', index, from: this.i32(from), to: this.i32(to), step, body: statements });
  }
  when(condition: Value, then: () => void, otherwise?: () => void): void {
    const yes = this.nested(then);
    const no = otherwise ? this.nested(otherwise) : [];
    this.scope.push({ op: 'if', condition, then: yes, otherwise: no });
  }
  store(address: Value, offset: number, value: Value, lanes: number | 'all' = 'all'): void {
    this.scope.push({ op: 'store', address, offset, value, lanes: lanes === this.lanes ? 'all' : lanes });
  }
  storeScalar(address: Value, offset: number, value: Value): void {
    this.scope.push({ op: 'storeScalar', address, offset, value });
  }
  call(callee: string, ...args: Value[]): void { this.scope.push({ op: 'call', callee, args }); }
  barrier(): void { this.scope.push({ op: 'barrier' }); }

  i32(value: Value | number): Value { return typeof value === 'number' ? { type: 'i32', op: 'i32', value } : value; }
  scalar(fn: ScalarOp, a: Value | number, b: Value | number): Value {
    const x = this.i32(a);
    const y = this.i32(b);
    return foldScalar(fn, x, y) ?? { type: 'i32', op: 'scalar', fn, a: x, b: y };
  }
  choose(condition: Value, a: Value, b: Value): Value { return { type: 'i32', op: 'choose', condition, a, b }; }
  loadScalar(address: Value, offset: number): Value { return { type: 'i32', op: 'loadScalar', address, offset }; }
  extract(a: Value, lane: number): Value { return { type: 'i32', op: 'extract', a, lane }; }

  splat(type: 'f' | 'i', value: number): Value { return { type, op: 'splat', value }; }
  laneConstants(type: 'f' | 'i', of: (lane: number) => number): Value { return { type, op: 'lanes', of }; }
  splatScalar(a: Value): Value { return { type: 'i', op: 'splatScalar', a }; }
  load(type: 'f' | 'i', address: Value, offset: number, lanes: number | 'all' = 'all'): Value {
    return { type, op: 'load', address, offset, lanes: lanes === this.lanes ? 'all' : lanes };
  }
  loadSplat(type: 'f' | 'i', address: Value, offset: number): Value { return { type, op: 'loadSplat', address, offset }; }
  gather(type: 'f' | 'i', addresses: readonly Value[], offset: number): Value { return { type, op: 'gather', addresses, offset }; }
  pack(scalars: readonly Value[]): Value { return { type: 'i', op: 'pack', scalars }; }
  float(fn: FloatOp, a: Value, b: Value): Value { return { type: 'f', op: 'float', fn, a, b }; }
  floatUnary(fn: FloatUnary, a: Value): Value { return { type: 'f', op: 'floatUnary', fn, a }; }
  fma(a: Value, b: Value, c: Value): Value { return { type: 'f', op: 'fma', a, b, c }; }
  floatCompare(fn: FloatCompare, a: Value, b: Value): Value { return { type: 'i', op: 'floatCompare', fn, a, b }; }
  int(fn: IntOp, a: Value, b: Value): Value { return { type: 'i', op: 'int', fn, a, b }; }
  intCompare(fn: IntCompare, a: Value, b: Value): Value { return { type: 'i', op: 'intCompare', fn, a, b }; }
  shift(fn: 'shl' | 'shrU' | 'shrS', a: Value, by: Value | number): Value { return { type: 'i', op: 'shift', fn, a, by: this.i32(by) }; }
  blend(mask: Value, a: Value, b: Value): Value { return { type: a.type, op: 'blend', mask, a, b }; }
  convert(fn: 'floatS' | 'floatU' | 'intS' | 'intU', a: Value): Value { return { type: fn.startsWith('float') ? 'f' : 'i', op: 'convert', fn, a }; }
  bits(a: Value): Value { return a.type === 'i32' ? a : { type: a.type === 'f' ? 'i' : 'f', op: 'bits', a }; }
  rotate(a: Value, by: number): Value { return { type: a.type, op: 'rotate', a, by }; }

  finish(): VectorFunction {
    return { name: this.name, params: this.params, locals: this.types, body: this.scope };
  }

  private nested(write: () => void): Statement[] {
    const outer = this.scope;
    const inner: Statement[] = [];
    this.scope = inner;
    try {
      write();
    } finally {
      this.scope = outer;
    }
    return inner;
  }
}

function foldScalar(fn: ScalarOp, a: Value, b: Value): Value | undefined {
  const literal = (value: number): Value => ({ type: 'i32', op: 'i32', value });
  if (a.op === 'i32' && b.op === 'i32') {
    if (fn === 'add') return literal((a.value + b.value) | 0);
    if (fn === 'sub') return literal((a.value - b.value) | 0);
    if (fn === 'mul') return literal(Math.imul(a.value, b.value));
    if (fn === 'shl') return literal(a.value << b.value);
  }
  if ((fn === 'add' || fn === 'or') && a.op === 'i32' && a.value === 0) return b;
  if ((fn === 'add' || fn === 'sub' || fn === 'or' || fn === 'shl' || fn === 'shrU') && b.op === 'i32' && b.value === 0) return a;
  if (fn === 'mul' && b.op === 'i32') {
    if (b.value === 1) return a;
    if (b.value === 0) return literal(0);
    const power = Math.log2(b.value);
    if (b.value > 0 && Number.isInteger(power)) return { type: 'i32', op: 'scalar', fn: 'shl', a, b: literal(power) };
  }
  return undefined;
}

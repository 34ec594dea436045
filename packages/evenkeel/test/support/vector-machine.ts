/** Runs vector programs number by number at any count of lanes: the slow reference of every backend's code generator. */
import type { Statement, Value, VectorFunction, VectorProgram } from '../../src/compiler/vector/index.ts';

/** The bits of every lane. */
type Vector = Uint32Array;
type Cell = number | Vector;

/** Calls a function of the program (the last one by default) with i32 arguments. */
export function runProgram(program: VectorProgram, memory: ArrayBufferLike, args: readonly number[], name?: string): void {
  const entry = name === undefined ? program.functions.at(-1)! : find(program, name);
  new Frame(program, entry, new DataView(memory), args).run(entry.body);
}

function find(program: VectorProgram, name: string): VectorFunction {
  return program.functions.find((f) => f.name === name)!;
}

const scratch = new DataView(new ArrayBuffer(4));
function toFloat(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}
function toBits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

class Frame {
  private readonly program: VectorProgram;
  private readonly memory: DataView;
  private readonly locals: Cell[];
  private readonly lanes: number;

  constructor(program: VectorProgram, f: VectorFunction, memory: DataView, args: readonly number[]) {
    this.program = program;
    this.memory = memory;
    this.lanes = program.lanes;
    this.locals = f.locals.map((type, index) => (index < f.params ? args[index] | 0 : type === 'i32' ? 0 : new Uint32Array(this.lanes)));
  }

  run(statements: readonly Statement[]): void {
    for (const s of statements) this.step(s);
  }

  private step(s: Statement): void {
    switch (s.op) {
      case 'set': this.locals[s.index] = this.value(s.value); return;
      case 'store': {
        const v = this.vector(s.value);
        const at = this.scalar(s.address) + s.offset;
        for (let lane = 0; lane < this.count(s.lanes); lane++) this.memory.setUint32(at + 4 * lane, v[lane], true);
        return;
      }
      case 'storeScalar': this.memory.setInt32(this.scalar(s.address) + s.offset, this.scalar(s.value), true); return;
      case 'loop': {
        const to = this.scalar(s.to);
        this.locals[s.index] = this.scalar(s.from);
        for (; (this.locals[s.index] as number) < to; this.locals[s.index] = (this.locals[s.index] as number) + s.step) this.run(s.body);
        return;
      }
      case 'if': return this.run(this.scalar(s.condition) !== 0 ? s.then : s.otherwise);
      case 'call': {
        const callee = find(this.program, s.callee);
        return new Frame(this.program, callee, this.memory, s.args.map((a) => this.scalar(a))).run(callee.body);
      }
      case 'barrier': return;
      default: return s satisfies never;
    }
  }

  private count(lanes: number | 'all'): number { return lanes === 'all' ? this.lanes : lanes; }
  private scalar(v: Value): number { return this.value(v) as number; }
  private vector(v: Value): Vector { return this.value(v) as Vector; }
  private each(of: (lane: number) => number): Vector { return Uint32Array.from({ length: this.lanes }, (_, lane) => of(lane)); }
  private floats(of: (lane: number) => number): Vector { return this.each((lane) => toBits(of(lane))); }
  private mask(of: (lane: number) => boolean): Vector { return this.each((lane) => (of(lane) ? -1 : 0)); }

  private value(v: Value): Cell {
    switch (v.op) {
      case 'local': return this.locals[v.index];
      case 'i32': return v.value | 0;
      case 'scalar': return SCALAR[v.fn](this.scalar(v.a), this.scalar(v.b)) | 0;
      case 'choose': return this.value(this.scalar(v.condition) !== 0 ? v.a : v.b);
      case 'loadScalar': return this.memory.getInt32(this.scalar(v.address) + v.offset, true);
      case 'extract': return this.vector(v.a)[v.lane] | 0;
      case 'splat': return v.type === 'f' ? this.floats(() => v.value) : this.each(() => v.value);
      case 'lanes': return v.type === 'f' ? this.floats(v.of) : this.each(v.of);
      case 'splatScalar': { const s = this.scalar(v.a); return this.each(() => s); }
      case 'load': { const at = this.scalar(v.address) + v.offset; return this.each((l) => (l < this.count(v.lanes) ? this.word(at + 4 * l) : 0)); }
      case 'loadSplat': { const at = this.scalar(v.address) + v.offset; return this.each(() => this.word(at)); }
      case 'gather': return this.each((l) => (l < v.addresses.length ? this.word(this.scalar(v.addresses[l]) + v.offset) : 0));
      case 'pack': return this.each((l) => (l < v.scalars.length ? this.scalar(v.scalars[l]) : 0));
      default: return this.arithmetic(v);
    }
  }

  private word(at: number): number { return this.memory.getUint32(at, true); }

  private arithmetic(v: Extract<Value, { op: 'float' | 'floatUnary' | 'fma' | 'floatCompare' | 'int' | 'intCompare' | 'shift' | 'blend' | 'convert' | 'bits' | 'rotate' }>): Vector {
    const a = v.op === 'blend' ? this.vector(v.mask) : this.vector(v.a);
    switch (v.op) {
      case 'float': { const b = this.vector(v.b); return this.floats((l) => FLOAT[v.fn](toFloat(a[l]), toFloat(b[l]))); }
      case 'floatUnary': return this.each((l) => UNARY[v.fn](a[l]));
      case 'fma': {
        const [b, c] = [this.vector(v.b), this.vector(v.c)];
        return this.floats((l) => Math.fround(toFloat(a[l]) * toFloat(b[l])) + toFloat(c[l]));
      }
      case 'floatCompare': { const b = this.vector(v.b); return this.mask((l) => COMPARE[v.fn](toFloat(a[l]), toFloat(b[l]))); }
      case 'int': { const b = this.vector(v.b); return this.each((l) => INT[v.fn](a[l], b[l])); }
      case 'intCompare': { const b = this.vector(v.b); return this.mask((l) => INT_COMPARE[v.fn](a[l], b[l])); }
      case 'shift': { const by = this.scalar(v.by); return this.each((l) => (v.fn === 'shl' ? a[l] << by : v.fn === 'shrU' ? a[l] >>> by : (a[l] | 0) >> by)); }
      case 'blend': { const [b, c] = [this.vector(v.a), this.vector(v.b)]; return this.each((l) => (b[l] & a[l]) | (c[l] & ~a[l])); }
      case 'convert': return this.each((l) => CONVERT[v.fn](a[l]));
      case 'bits': return a;
      case 'rotate': return this.each((l) => a[(l + v.by) % this.lanes]);
      default: return v satisfies never;
    }
  }
}

const SCALAR = {
  add: (a: number, b: number) => a + b, sub: (a: number, b: number) => a - b, mul: Math.imul, shl: (a: number, b: number) => a << b,
  shrU: (a: number, b: number) => a >>> b, and: (a: number, b: number) => a & b, or: (a: number, b: number) => a | b,
  xor: (a: number, b: number) => a ^ b, divS: (a: number, b: number) => Math.trunc(a / b), remS: (a: number, b: number) => a % b,
  eq: (a: number, b: number) => +(a === b), ne: (a: number, b: number) => +(a !== b), ltS: (a: number, b: number) => +(a < b),
  leS: (a: number, b: number) => +(a <= b), geS: (a: number, b: number) => +(a >= b), gtS: (a: number, b: number) => +(a > b),
};
const FLOAT = {
  add: (a: number, b: number) => a + b, sub: (a: number, b: number) => a - b, mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b, min: Math.min, max: Math.max,
};
const UNARY = {
  neg: (a: number) => a ^ 0x80000000, abs: (a: number) => a & 0x7fffffff, sqrt: (a: number) => toBits(Math.sqrt(toFloat(a))),
  floor: (a: number) => toBits(Math.floor(toFloat(a))), ceil: (a: number) => toBits(Math.ceil(toFloat(a))),
  trunc: (a: number) => toBits(Math.trunc(toFloat(a))), nearest: (a: number) => toBits(nearest(toFloat(a))),
};
const COMPARE = {
  eq: (a: number, b: number) => a === b, ne: (a: number, b: number) => a !== b, lt: (a: number, b: number) => a < b, le: (a: number, b: number) => a <= b,
};
const INT = {
  add: (a: number, b: number) => a + b, sub: (a: number, b: number) => a - b, mul: Math.imul, and: (a: number, b: number) => a & b,
  or: (a: number, b: number) => a | b, xor: (a: number, b: number) => a ^ b, andnot: (a: number, b: number) => a & ~b,
  minS: (a: number, b: number) => Math.min(a | 0, b | 0), maxS: (a: number, b: number) => Math.max(a | 0, b | 0), minU: Math.min, maxU: Math.max,
};
const INT_COMPARE = {
  eq: (a: number, b: number) => a === b, ne: (a: number, b: number) => a !== b, ltS: (a: number, b: number) => (a | 0) < (b | 0),
  leS: (a: number, b: number) => (a | 0) <= (b | 0), ltU: (a: number, b: number) => a < b, leU: (a: number, b: number) => a <= b,
};
const CONVERT = {
  floatS: (a: number) => toBits(a | 0), floatU: (a: number) => toBits(a),
  intS: (a: number) => saturate(toFloat(a), -(2 ** 31), 2 ** 31 - 1), intU: (a: number) => saturate(toFloat(a), 0, 2 ** 32 - 1),
};

function saturate(value: number, low: number, high: number): number {
  return Number.isNaN(value) ? 0 : Math.trunc(Math.min(high, Math.max(low, value)));
}

function nearest(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (!Number.isFinite(value) || rest === 0) return value;
  const rounded = rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  return rounded === 0 && value < 0 ? -0 : rounded;
}

/** A sense-reversing barrier in shared memory (Mellor-Crummey & Scott 1991), as a WebAssembly function. */
import { Bytes, I32, type FunctionParts } from './assembler.ts';
import { ATOMIC, CORE, SCALAR } from './opcodes.ts';

/** Rounds of looking at the generation before a thread goes to sleep: a few microseconds, longer than balanced kernels differ. */
const SPINS = 4000;
/** Set in the count while some thread sleeps or is about to, so that the last one wakes only where somebody waits. */
const SLEEPER = 0x10000;
const COUNT = 0;
const GENERATION = 4;
const THREADS = 8;
const generation = 0;
const spins = 1;

/** A function without parameters that returns once all threads are in it. The 12 bytes at `address`: count, generation, threads. */
export function barrierFunction(address: number): FunctionParts {
  const code = new Bytes();
  const w = new BarrierWriter(code, address);
  w.read(THREADS).i32(1).op(SCALAR.leS).op(CORE.if, CORE.empty, CORE.return, CORE.end);
  w.read(GENERATION).set(generation);
  w.update(ATOMIC.add, COUNT, () => w.i32(1)).i32(SLEEPER - 1).op(SCALAR.and).i32(1).op(SCALAR.add);
  w.read(THREADS).op(SCALAR.eq).op(CORE.if, CORE.empty);
  release(w);
  w.op(CORE.else);
  wait(w);
  w.op(CORE.end);
  return { params: 0, locals: [I32, I32], code };
}

/** The last thread: clear the count (but not the sleepers' mark), turn the generation, wake. */
function release(w: BarrierWriter): void {
  w.update(ATOMIC.sub, COUNT, () => w.read(THREADS)).op(CORE.drop);
  w.update(ATOMIC.add, GENERATION, () => w.i32(1)).op(CORE.drop);
  w.read(COUNT).i32(SLEEPER).op(SCALAR.and).op(CORE.if, CORE.empty);
  w.update(ATOMIC.and, COUNT, () => w.i32(SLEEPER - 1)).op(CORE.drop);
  w.update(ATOMIC.notify, GENERATION, () => w.i32(-1)).op(CORE.drop);
  w.op(CORE.end);
}

/** The others: look for a while, then sleep until the generation turns. */
function wait(w: BarrierWriter): void {
  w.i32(SPINS).set(spins);
  w.op(CORE.loop, CORE.empty);
  w.read(GENERATION).get(generation).op(SCALAR.ne).op(CORE.if, CORE.empty, CORE.return, CORE.end);
  w.get(spins).i32(1).op(SCALAR.sub).tee(spins).op(CORE.branchIf, 0, CORE.end);
  w.op(CORE.loop, CORE.empty);
  w.update(ATOMIC.or, COUNT, () => w.i32(SLEEPER)).op(CORE.drop);
  w.i32(0).get(generation).forever().atomic(ATOMIC.wait, GENERATION).op(CORE.drop);
  w.read(GENERATION).get(generation).op(SCALAR.eq).op(CORE.branchIf, 0, CORE.end);
}

class BarrierWriter {
  private readonly code: Bytes;
  private readonly address: number;

  constructor(code: Bytes, address: number) {
    this.code = code;
    this.address = address;
  }
  op(...bytes: number[]): this {
    this.code.raw(bytes);
    return this;
  }
  i32(value: number): this {
    this.code.byte(CORE.const).i32(value);
    return this;
  }
  /** -1 as an i64: no time limit. */
  forever(): this { return this.op(0x42, 0x7f); }
  get(local: number): this { return this.op(CORE.localGet, local); }
  set(local: number): this { return this.op(CORE.localSet, local); }
  tee(local: number): this { return this.op(CORE.localTee, local); }
  atomic(code: number, word: number): this {
    this.code.byte(0xfe).u32(code).u32(2).u32(this.address + word);
    return this;
  }
  read(word: number): this { return this.i32(0).atomic(ATOMIC.load, word); }
  /** A read-modify-write or notify with one operand, which `operand` pushes. */
  update(code: number, word: number, operand: () => unknown): this {
    this.i32(0);
    operand();
    return this.atomic(code, word);
  }
}

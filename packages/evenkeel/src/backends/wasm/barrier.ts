/**
 * A barrier in shared memory, as a WebAssembly function. One 64-bit counter of arrivals that never goes back: whoever arrives adds
 * one and waits until the count reaches the next multiple of the number of threads. An arrival is a single atomic addition, and the
 * last one is at the same time the signal, so that the cache line changes hands as seldom as possible.
 */
import { Bytes, I32, I64, type FunctionParts } from './assembler.ts';
import { ATOMIC, CORE, LONG, SCALAR } from './opcodes.ts';

/** Looks at the counter before a thread goes to sleep: some microseconds, longer than balanced kernels differ. */
const SPINS = 4000;
/** Set in the word of threads while one sleeps or is about to: the last to arrive wakes only where somebody waits. */
const SLEEPER = 0x10000;
/** Where the words lie. */
const COUNT = 0;
const THREADS = 8;
/** Locals. */
const threads = 0;
const spins = 1;
const count = 2;
const target = 3;

/**
 * A function without parameters that returns once all threads are in it. `address` (a multiple of 8) holds the counter in eight
 * bytes, 0 at first, and the number of threads in four, which may change while no thread is inside.
 */
export function barrierFunction(address: number): FunctionParts {
  const code = new Bytes();
  const w = new BarrierWriter(code, address);
  w.read(THREADS).i32(SLEEPER - 1).op(SCALAR.and).tee(threads);
  w.i32(1).op(SCALAR.leS).op(CORE.if, CORE.empty, CORE.return, CORE.end);
  // target = the first multiple of threads above the old count
  w.i32(0).long(1).atomic(ATOMIC.addLong, COUNT).set(count);
  w.get(count).get(threads).op(LONG.fromI32, CORE.localTee, target).op(LONG.divU);
  w.long(1).op(LONG.add).get(target).op(LONG.mul).set(target);
  w.get(count).long(1).op(LONG.add).get(target).op(LONG.eq).op(CORE.if, CORE.empty);
  release(w);
  w.op(CORE.return, CORE.end);
  wait(w);
  return { params: 0, locals: [I32, I32, I64, I64], code };
}

/** The last thread: its arrival has let the others go, but those who sleep must be woken. */
function release(w: BarrierWriter): void {
  w.read(THREADS).i32(SLEEPER).op(SCALAR.and).op(CORE.if, CORE.empty);
  w.update(ATOMIC.and, THREADS, () => w.i32(SLEEPER - 1)).op(CORE.drop);
  w.update(ATOMIC.notify, COUNT, () => w.i32(-1)).op(CORE.drop);
  w.op(CORE.end);
}

/** The others: look for a while, then sleep on the counter's low half. The mark comes before the last look, so no wake is missed. */
function wait(w: BarrierWriter): void {
  w.i32(SPINS).set(spins);
  w.op(CORE.loop, CORE.empty);
  w.returnIfReached();
  w.get(spins).i32(1).op(SCALAR.sub).tee(spins).op(CORE.branchIf, 0, CORE.end);
  w.op(CORE.loop, CORE.empty);
  w.update(ATOMIC.or, THREADS, () => w.i32(SLEEPER)).op(CORE.drop);
  w.returnIfReached();
  w.i32(0).get(count).op(LONG.toI32).long(-1).atomic(ATOMIC.wait, COUNT).op(CORE.drop);
  w.op(CORE.branch, 0, CORE.end);
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
  /** An i64 constant that fits an i32. */
  long(value: number): this {
    this.code.byte(LONG.const).i32(value);
    return this;
  }
  get(local: number): this { return this.op(CORE.localGet, local); }
  set(local: number): this { return this.op(CORE.localSet, local); }
  tee(local: number): this { return this.op(CORE.localTee, local); }
  atomic(code: number, word: number): this {
    const align = code === ATOMIC.addLong || code === ATOMIC.loadLong ? 3 : 2;
    this.code.byte(0xfe).u32(code).u32(align).u32(this.address + word);
    return this;
  }
  read(word: number): this { return this.i32(0).atomic(ATOMIC.load, word); }
  /** A read-modify-write or notify with one operand, which `operand` pushes. */
  update(code: number, word: number, operand: () => unknown): this {
    this.i32(0);
    operand();
    return this.atomic(code, word);
  }
  /** Reads the counter; returns from the barrier if it has reached the target. */
  returnIfReached(): this {
    this.i32(0).atomic(ATOMIC.loadLong, COUNT).tee(count).get(target).op(LONG.geU);
    return this.op(CORE.if, CORE.empty, CORE.return, CORE.end);
  }
}

/**
 * A reader of Python's pickles that runs nothing. A pickle is a program for a stack machine that may call any function of Python; this
 * reader knows the instructions that make plain data, and leaves calls to `call`, which says yes to a few names and refuses the rest.
 * Instructions: docs.python.org, Lib/pickletools.py.
 */
import { faults } from './faults.ts';

/** A function or class of Python, named and not run. */
export class PickleName {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Data of Python: dicts are maps, lists and tuples arrays. */
export type PickleValue = null | boolean | number | string | PickleName | PickleValue[] | Map<PickleValue, PickleValue> | object;

/** What a pickle may refer to. */
export interface PickleWorld {
  /** The file's name, for error texts. */
  readonly source: string;
  /** What calling a name gives. @throws E517 for all that is not known */
  call(name: string, values: readonly PickleValue[]): PickleValue;
  /** What a persistent id stands for. */
  persistent(id: PickleValue): PickleValue;
}

/** The value of a pickle. @throws E516 for a damaged one, E517 for one that is more than data */
export function readPickle(bytes: Uint8Array, world: PickleWorld): PickleValue {
  const machine = new Machine(bytes, world);
  for (;;) {
    const code = machine.byte();
    if (code === STOP) return machine.pop();
    const run = INSTRUCTIONS.get(code);
    if (!run) throw faults.pickle(world.source, `instruction 0x${code.toString(16)} of the pickle at byte ${machine.at - 1}`);
    run(machine);
  }
}

const STOP = 0x2e;
const MARK = Symbol('mark');
type Slot = PickleValue | typeof MARK;

/** The stack, the memory, and where in the bytes it is. */
class Machine {
  at = 0;
  readonly memo = new Map<number, PickleValue>();
  readonly world: PickleWorld;
  private readonly stack: Slot[] = [];
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, world: PickleWorld) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.world = world;
  }

  byte(): number { return this.take(1)[0]; }
  u16(): number { return this.number(2, (at) => this.view.getUint16(at, true)); }
  i32(): number { return this.number(4, (at) => this.view.getInt32(at, true)); }
  u32(): number { return this.number(4, (at) => this.view.getUint32(at, true)); }
  f64(): number { return this.number(8, (at) => this.view.getFloat64(at, false)); }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw this.damaged('it ends in the middle of an instruction');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  /** A text up to the end of its line. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw this.damaged('a line does not end');
    const text = this.text(end - this.at);
    this.at = end + 1;
    return text;
  }

  push(value: Slot): void { this.stack.push(value); }

  pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw this.damaged('it takes more from its stack than it put there');
    return value as PickleValue;
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  /** Everything since the last mark. */
  marked(): PickleValue[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) throw this.damaged('a mark is missing');
    const values = this.stack.splice(at) as PickleValue[];
    return values.slice(1);
  }

  list(): PickleValue[] {
    const value = this.top();
    if (!Array.isArray(value)) throw this.damaged('it appends to what is no list');
    return value as PickleValue[];
  }

  dict(): Map<PickleValue, PickleValue> {
    const value = this.top();
    if (!(value instanceof Map)) throw this.damaged('it sets an item of what is no dict');
    return value;
  }

  remembered(key: number): PickleValue {
    const value = this.memo.get(key);
    if (value === undefined) throw this.damaged('it reads what it has not stored');
    return value;
  }

  damaged(reason: string): Error {
    return faults.damaged(this.world.source, 'pickle', reason);
  }

  private number(width: number, read: (at: number) => number): number {
    this.take(width);
    return read(this.at - width);
  }
}

const INSTRUCTIONS: ReadonlyMap<number, (m: Machine) => void> = new Map<number, (m: Machine) => void>([
  [0x80, (m) => { m.byte(); }], // PROTO
  [0x95, (m) => { m.take(8); }], // FRAME
  [0x28, (m) => m.push(MARK)],
  [0x30, (m) => { m.pop(); }], // POP
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x4a, (m) => m.push(m.i32())], // BININT
  [0x4b, (m) => m.push(m.byte())], // BININT1
  [0x4d, (m) => m.push(m.u16())], // BININT2
  [0x8a, (m) => m.push(long(m.take(m.byte())))], // LONG1
  [0x47, (m) => m.push(m.f64())], // BINFLOAT
  [0x58, (m) => m.push(m.text(m.u32()))], // BINUNICODE
  [0x8c, (m) => m.push(m.text(m.byte()))], // SHORT_BINUNICODE
  [0x7d, (m) => m.push(new Map())],
  [0x5d, (m) => m.push([])],
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x74, (m) => m.push(m.marked())], // TUPLE
  [0x85, (m) => m.push([m.pop()])], // TUPLE1
  [0x86, (m) => m.push([m.pop(), m.pop()].reverse())],
  [0x87, (m) => m.push([m.pop(), m.pop(), m.pop()].reverse())],
  [0x61, (m) => { const value = m.pop(); m.list().push(value); }], // APPEND
  [0x65, (m) => { const values = m.marked(); m.list().push(...values); }], // APPENDS
  [0x73, (m) => { const [value, key] = [m.pop(), m.pop()]; m.dict().set(key, value); }], // SETITEM
  [0x75, (m) => { const values = m.marked(); setItems(m.dict(), values); }], // SETITEMS
  [0x71, (m) => { m.memo.set(m.byte(), m.top()); }], // BINPUT
  [0x72, (m) => { m.memo.set(m.u32(), m.top()); }], // LONG_BINPUT
  [0x94, (m) => { m.memo.set(m.memo.size, m.top()); }], // MEMOIZE
  [0x68, (m) => m.push(m.remembered(m.byte()))], // BINGET
  [0x6a, (m) => m.push(m.remembered(m.u32()))], // LONG_BINGET
  [0x63, (m) => m.push(new PickleName(`${m.line()}.${m.line()}`))], // GLOBAL
  [0x93, (m) => { const [name, module] = [m.pop(), m.pop()]; m.push(new PickleName(`${String(module)}.${String(name)}`)); }], // STACK_GLOBAL
  [0x52, (m) => { const values = m.pop(); m.push(called(m, m.pop(), values)); }], // REDUCE
  [0x81, (m) => { const values = m.pop(); m.push(called(m, m.pop(), values)); }], // NEWOBJ
  [0x62, (m) => { m.pop(); m.dict(); }], // BUILD: attributes of an ordered dict, such as the _metadata of a state dict
  [0x51, (m) => m.push(m.world.persistent(m.pop()))], // BINPERSID
]);

function called(m: Machine, callee: PickleValue, values: PickleValue): PickleValue {
  if (!(callee instanceof PickleName) || !Array.isArray(values)) throw m.damaged('it calls what is no name');
  return m.world.call(callee.name, values as PickleValue[]);
}

function setItems(dict: Map<PickleValue, PickleValue>, values: readonly PickleValue[]): void {
  for (let i = 0; i + 1 < values.length; i += 2) dict.set(values[i], values[i + 1]);
}

/** A two's complement number, least byte first. */
function long(bytes: Uint8Array): number {
  const negative = bytes.length > 0 && bytes[bytes.length - 1] >= 128;
  return bytes.reduceRight((sum, byte) => sum * 256 + (negative ? 255 - byte : byte), 0) * (negative ? -1 : 1) - (negative ? 1 : 0);
}

/** The code of one function while it is written, with its locals. */
import { InternalError } from '../../base/index.ts';
import { Bytes, I32, V128, type ValueType } from './assembler.ts';
import { CORE } from './opcodes.ts';

/** Alignment hint of every access: 2^2 bytes; vectors may lie at any multiple of four. */
const ALIGN = 2;

export class FunctionScope {
  readonly code: Bytes = new Bytes();
  readonly locals: ValueType[];
  readonly relaxed: boolean;
  private partialAddressLocal: number | undefined;
  private storeValueLocal: number | undefined;
  private rotatedLocal: number | undefined;

  constructor(locals: ValueType[], relaxed: boolean) {
    this.locals = locals;
    this.relaxed = relaxed;
  }

  newLocal(type: ValueType): number {
    return this.locals.push(type) - 1;
  }
  /** Holds the address of a three-lane access between its two halves. */
  partialAddress(): number { return (this.partialAddressLocal ??= this.newLocal(I32)); }
  /** Holds the value of a three-lane store between its two halves. */
  storeValue(): number { return (this.storeValueLocal ??= this.newLocal(V128)); }
  /** Holds a vector while both operands of its shuffle are read. */
  rotated(): number { return (this.rotatedLocal ??= this.newLocal(V128)); }

  local(code: number, index: number): void { this.code.byte(code).u32(index); }
  i32(value: number): void { this.code.byte(CORE.const).i32(value); }
  call(index: number): void { this.code.byte(CORE.call).u32(index); }
  simd(code: number): Bytes { return this.code.byte(0xfd).u32(code); }
  memory(code: number, offset: number): Bytes { return this.immediate(this.code.byte(code), offset); }
  simdMemory(code: number, offset: number): Bytes { return this.immediate(this.simd(code), offset); }

  private immediate(code: Bytes, offset: number): Bytes {
    if (offset < 0 || !Number.isInteger(offset)) throw new InternalError(`a memory access with offset ${offset}`);
    return code.u32(ALIGN).u32(offset);
  }
}

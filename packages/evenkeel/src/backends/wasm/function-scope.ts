/** The code of one function while it is written, with its locals. */
import { InternalError } from '../../base/index.ts';
import { Bytes, I32, V128, type ValueType } from './assembler.ts';
import { CORE, SIMD } from './opcodes.ts';

/** Alignment hint of every access: 2^2 bytes; vectors may lie at any multiple of four. */
const ALIGN = 2;

export class FunctionScope {
  readonly code: Bytes = new Bytes();
  readonly locals: ValueType[];
  readonly relaxed: boolean;
  private partialAddressLocal: number | undefined;
  private storeValueLocal: number | undefined;
  private rotatedLocal: number | undefined;
  private readonly constants = new Map<string, { readonly local: number; readonly bytes: Uint8Array }>();
  private depth = 0;

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

  enterLoop(): void { this.depth++; }
  leaveLoop(): void { this.depth--; }

  /**
   * Pushes a vector constant. Inside a loop it is read from a local that the function sets once at its start: V8 builds a
   * constant from three instructions wherever it stands, which doubles the time of a polynomial (Node 24, x64).
   */
  constant(bytes: Uint8Array): void {
    if (this.depth === 0 || bytes.every((byte) => byte === 0)) {
      this.simd(SIMD.const).raw(bytes);
      return;
    }
    const key = bytes.join();
    let known = this.constants.get(key);
    if (!known) this.constants.set(key, (known = { local: this.newLocal(V128), bytes }));
    this.local(CORE.localGet, known.local);
  }

  /** The whole code: the constants' locals, then the body. */
  finish(): Bytes {
    const whole = new Bytes();
    for (const { local, bytes } of this.constants.values()) {
      whole.byte(0xfd).u32(SIMD.const).raw(bytes).byte(CORE.localSet).u32(local);
    }
    return whole.append(this.code);
  }

  /** Sets a local to zero. */
  clear(index: number): void {
    if (this.locals[index] === I32) this.i32(0);
    else this.simd(SIMD.const).raw(new Uint8Array(16));
    this.local(CORE.localSet, index);
  }

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

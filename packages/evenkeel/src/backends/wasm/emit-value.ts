/** Translates the values of a vector program to WebAssembly instructions that leave them on the stack. */
import type { Value } from '../../compiler/vector/index.ts';
import type { FunctionScope } from './function-scope.ts';
import { CONVERT, CORE, FLOAT, FLOAT_COMPARE, FLOAT_UNARY, INT, INT_COMPARE, PSEUDO, SCALAR, SHIFT, SIMD } from './opcodes.ts';

const LANES = 4;
type Of<Op extends Value['op']> = Extract<Value, { op: Op }>;

/** Pushes `v`. */
export function emitValue(scope: FunctionScope, v: Value): void {
  switch (v.op) {
    case 'local': return scope.local(CORE.localGet, v.index);
    case 'i32': return scope.i32(v.value);
    case 'scalar':
      emitAll(scope, v.a, v.b);
      scope.code.byte(SCALAR[v.fn]);
      return;
    case 'choose':
      emitAll(scope, v.a, v.b, v.condition);
      scope.code.byte(CORE.select);
      return;
    case 'loadScalar':
      emitValue(scope, v.address);
      scope.memory(CORE.load, v.offset);
      return;
    case 'extract':
      emitValue(scope, v.a);
      scope.simd(SIMD.extractLane).byte(v.lane);
      return;
    case 'splat': return emitConstant(scope, v.type, () => v.value);
    case 'lanes': return emitConstant(scope, v.type, v.of);
    case 'splatScalar': return emitSimd(scope, SIMD.splat, v.a);
    case 'load': return emitLoad(scope, v);
    case 'loadSplat':
      emitValue(scope, v.address);
      scope.simdMemory(SIMD.loadSplat, v.offset);
      return;
    case 'gather': return emitGather(scope, v);
    case 'pack': return emitPack(scope, v);
    default: return emitArithmetic(scope, v);
  }
}

type Arithmetic = Exclude<Value, { op: 'local' | 'i32' | 'scalar' | 'choose' | 'loadScalar' | 'extract' | 'splat' | 'lanes' | 'splatScalar' | 'load' | 'loadSplat' | 'gather' | 'pack' }>;

function emitArithmetic(scope: FunctionScope, v: Arithmetic): void {
  switch (v.op) {
    case 'float': return emitFloat(scope, v);
    case 'floatUnary': return emitSimd(scope, FLOAT_UNARY[v.fn], v.a);
    case 'fma':
      if (scope.relaxed) return emitSimd(scope, SIMD.relaxedMadd, v.a, v.b, v.c);
      emitSimd(scope, FLOAT.mul, v.a, v.b);
      return emitSimd(scope, FLOAT.add, v.c);
    case 'floatCompare': return emitSimd(scope, FLOAT_COMPARE[v.fn], v.a, v.b);
    case 'int': return emitSimd(scope, INT[v.fn], v.a, v.b);
    case 'intCompare': return emitSimd(scope, INT_COMPARE[v.fn], v.a, v.b);
    case 'shift': return emitSimd(scope, SHIFT[v.fn], v.a, v.by);
    case 'blend': return emitSimd(scope, SIMD.bitselect, v.a, v.b, v.mask);
    case 'convert': return emitSimd(scope, CONVERT[v.fn], v.a);
    case 'bits': return emitValue(scope, v.a);
    case 'rotate': return emitRotate(scope, v);
    default: return v satisfies never;
  }
}

function emitAll(scope: FunctionScope, ...operands: Value[]): void {
  for (const operand of operands) emitValue(scope, operand);
}

function emitSimd(scope: FunctionScope, code: number, ...operands: Value[]): void {
  emitAll(scope, ...operands);
  scope.simd(code);
}

/** min and max against a constant take the one-instruction form, which keeps a NaN of the other operand. */
function emitFloat(scope: FunctionScope, v: Of<'float'>): void {
  if (v.fn === 'min' || v.fn === 'max') {
    if (isNumber(v.b)) return emitSimd(scope, PSEUDO[v.fn], v.a, v.b);
    if (isNumber(v.a)) return emitSimd(scope, PSEUDO[v.fn], v.b, v.a);
  }
  emitSimd(scope, FLOAT[v.fn], v.a, v.b);
}

function isNumber(v: Value): boolean {
  return v.op === 'splat' && !Number.isNaN(v.value);
}

function emitConstant(scope: FunctionScope, type: Value['type'], of: (lane: number) => number): void {
  const bits = new DataView(new ArrayBuffer(4 * LANES));
  for (let lane = 0; lane < LANES; lane++) {
    if (type === 'f') bits.setFloat32(4 * lane, of(lane), true);
    else bits.setInt32(4 * lane, of(lane), true);
  }
  scope.constant(new Uint8Array(bits.buffer));
}

function emitLoad(scope: FunctionScope, v: Of<'load'>): void {
  const lanes = v.lanes === 'all' ? LANES : v.lanes;
  if (lanes === 0) return emitConstant(scope, 'i', () => 0);
  emitValue(scope, v.address);
  switch (lanes) {
    case 1: scope.simdMemory(SIMD.loadZero, v.offset); return;
    case 2: scope.simdMemory(SIMD.loadZero64, v.offset); return;
    case 3: {
      const address = scope.partialAddress();
      scope.local(CORE.localTee, address);
      scope.local(CORE.localGet, address);
      scope.simdMemory(SIMD.loadZero64, v.offset);
      scope.simdMemory(SIMD.loadLane, v.offset + 8).byte(2);
      return;
    }
    default: scope.simdMemory(SIMD.load, v.offset);
  }
}

/** The addresses of the later lanes wait on the stack while the earlier ones are filled in. */
function emitGather(scope: FunctionScope, v: Of<'gather'>): void {
  const addresses = v.addresses.slice(0, LANES);
  if (addresses.length === 0) return emitConstant(scope, 'i', () => 0);
  for (const address of [...addresses].reverse()) emitValue(scope, address);
  addresses.forEach((_, lane) => {
    if (lane === 0) scope.simdMemory(SIMD.loadZero, v.offset);
    else scope.simdMemory(SIMD.loadLane, v.offset).byte(lane);
  });
}

function emitPack(scope: FunctionScope, v: Of<'pack'>): void {
  const scalars = v.scalars.slice(0, LANES);
  const whole = scalars.length === LANES;
  if (!whole) emitConstant(scope, 'i', () => 0);
  scalars.forEach((scalar, lane) => {
    emitValue(scope, scalar);
    if (whole && lane === 0) scope.simd(SIMD.splat);
    else scope.simd(SIMD.replaceLane).byte(lane);
  });
}

function emitRotate(scope: FunctionScope, v: Of<'rotate'>): void {
  const by = ((v.by % LANES) + LANES) % LANES;
  emitValue(scope, v.a);
  if (by === 0) return;
  const copy = scope.rotated();
  scope.local(CORE.localTee, copy);
  scope.local(CORE.localGet, copy);
  const shuffle = scope.simd(SIMD.shuffle);
  for (let byte = 0; byte < 4 * LANES; byte++) shuffle.byte((byte + 4 * by) % (4 * LANES));
}

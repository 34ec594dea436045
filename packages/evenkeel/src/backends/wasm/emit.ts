/** Translates a vector program of four lanes to WebAssembly. */
import { InternalError } from '../../base/index.ts';
import type { Statement, Value, VectorFunction, VectorProgram } from '../../compiler/vector/index.ts';
import { assemble, I32, V128, type FunctionParts } from './assembler.ts';
import { barrierFunction } from './barrier.ts';
import { emitValue } from './emit-value.ts';
import { FunctionScope } from './function-scope.ts';
import { CORE, SCALAR, SIMD } from './opcodes.ts';
import { temporariesOf, type Loop } from './temporaries.ts';

export interface EmitOptions {
  /** The memory is shared between threads; without it barriers emit nothing. */
  readonly shared: boolean;
  /** Fused multiply-add by relaxed SIMD; without it `fma` rounds twice. */
  readonly relaxed: boolean;
  /** The imported memory's limit, in pages of 64 KiB. */
  readonly maxPages: number;
  /** Where the barrier lies, a multiple of 8: a 64-bit counter, 0 at first, then the number of threads as an i32. */
  readonly barrierAddress: number;
  /** Functions to export; default: the last one. */
  readonly exports?: readonly string[];
  /** Functions that another module defines. */
  readonly imports?: readonly VectorFunction[];
}

/** A module, and whether its neighbouring vectors are to be paired. */
export interface EmittedModule { readonly bytes: Uint8Array<ArrayBuffer>; readonly paired: boolean }

/**
 * The program as modules of which each imports from env what those before it export. Where the engine pairs vectors, functions written
 * for it have a module of their own: nothing else gains from it, and V8's pairing is too young to be trusted with any program.
 */
export function emitProgram(program: VectorProgram, options: EmitOptions, pairs: boolean): EmittedModule[] {
  const paired = pairs ? program.functions.filter((f) => f.paired) : [];
  if (paired.length === 0) return [{ bytes: emitModule(program, options), paired: false }];
  const part = (functions: readonly VectorFunction[]): VectorProgram => ({ lanes: program.lanes, functions });
  const others = program.functions.filter((f) => !f.paired);
  return [
    { bytes: emitModule(part(paired), { ...options, exports: paired.map((f) => f.name) }), paired: true },
    { bytes: emitModule(part(others), { ...options, imports: paired }), paired: false },
  ];
}

/** The module's bytes. It imports env.memory and exports functions by their names. */
export function emitModule(program: VectorProgram, options: EmitOptions): Uint8Array<ArrayBuffer> {
  if (program.lanes !== 4) throw new InternalError(`WebAssembly vectors have 4 lanes, the program wants ${program.lanes}`);
  const imports = options.imports ?? [];
  const indices = new Map([...imports, ...program.functions].map((f, index) => [f.name, index]));
  const indexOf = (name: string): number => {
    const index = indices.get(name);
    if (index === undefined) throw new InternalError(`the vector program has no function ${name}`);
    return index;
  };
  const barrier = options.shared ? imports.length + program.functions.length : undefined;
  const functions = program.functions.map((f) => emitFunction(f, { indexOf, barrier, relaxed: options.relaxed, temporaries: temporariesOf(f) }));
  if (options.shared) functions.push(barrierFunction(options.barrierAddress));
  const exported = options.exports ?? program.functions.slice(-1).map((f) => f.name);
  return assemble({
    memory: { minPages: 1, maxPages: options.maxPages, shared: options.shared },
    imports,
    functions,
    exports: exported.map((name) => ({ name, index: indexOf(name) })),
  });
}

interface Linkage {
  readonly indexOf: (name: string) => number;
  /** Index of the barrier's function, if there is one. */
  readonly barrier: number | undefined;
  readonly relaxed: boolean;
  readonly temporaries: ReadonlyMap<Loop, readonly number[]>;
}

function emitFunction(f: VectorFunction, link: Linkage): FunctionParts {
  const scope = new FunctionScope(f.locals.map((type) => (type === 'i32' ? I32 : V128)), link.relaxed);
  emitStatements(scope, f.body, link);
  return { params: f.params, locals: scope.locals.slice(f.params), code: scope.finish() };
}

function emitStatements(scope: FunctionScope, statements: readonly Statement[], link: Linkage): void {
  for (const statement of statements) emitStatement(scope, statement, link);
}

function emitStatement(scope: FunctionScope, s: Statement, link: Linkage): void {
  switch (s.op) {
    case 'set':
      emitValue(scope, s.value);
      scope.local(CORE.localSet, s.index);
      return;
    case 'store': return emitStore(scope, s);
    case 'storeScalar':
      emitValue(scope, s.address);
      emitValue(scope, s.value);
      scope.memory(CORE.store, s.offset);
      return;
    case 'loop': return emitLoop(scope, s, link);
    case 'if': return emitIf(scope, s, link);
    case 'call':
      for (const arg of s.args) emitValue(scope, arg);
      scope.call(link.indexOf(s.callee));
      return;
    case 'barrier':
      if (link.barrier !== undefined) scope.call(link.barrier);
      return;
    default: return s satisfies never;
  }
}

function emitIf(scope: FunctionScope, s: Extract<Statement, { op: 'if' }>, link: Linkage): void {
  emitValue(scope, s.condition);
  scope.code.byte(CORE.if).byte(CORE.empty);
  emitStatements(scope, s.then, link);
  if (s.otherwise.length > 0) {
    scope.code.byte(CORE.else);
    emitStatements(scope, s.otherwise, link);
  }
  scope.code.byte(CORE.end);
}

/** Tests at the bottom, after one guard at the top that is left out where the bounds are known. */
function emitLoop(scope: FunctionScope, s: Loop, link: Linkage): void {
  const known = s.from.op === 'i32' && s.to.op === 'i32';
  if (known && s.from.value >= s.to.value) {
    emitValue(scope, s.from);
    scope.local(CORE.localSet, s.index);
    return;
  }
  const to = loopBound(scope, s);
  emitValue(scope, s.from);
  if (known) scope.local(CORE.localSet, s.index);
  else {
    scope.local(CORE.localTee, s.index);
    emitValue(scope, to);
    scope.code.byte(SCALAR.ltS).byte(CORE.if).byte(CORE.empty);
  }
  scope.code.byte(CORE.loop).byte(CORE.empty);
  scope.enterLoop();
  emitStatements(scope, s.body, link);
  scope.leaveLoop();
  for (const index of link.temporaries.get(s) ?? []) scope.clear(index);
  scope.local(CORE.localGet, s.index);
  scope.i32(s.step);
  scope.code.byte(SCALAR.add);
  scope.local(CORE.localTee, s.index);
  emitValue(scope, to);
  scope.code.byte(SCALAR.ltS).byte(CORE.branchIf).u32(0).byte(CORE.end);
  if (!known) scope.code.byte(CORE.end);
}

/** The loop's bound as something that costs nothing to read again: a constant, or a local that its body leaves alone. */
function loopBound(scope: FunctionScope, s: Loop): Value {
  if (s.to.op === 'i32') return s.to;
  if (s.to.op === 'local' && s.to.index !== s.index && !assigns(s.body, s.to.index)) return s.to;
  emitValue(scope, s.to);
  const index = scope.newLocal(I32);
  scope.local(CORE.localSet, index);
  return { type: 'i32', op: 'local', index };
}

function assigns(statements: readonly Statement[], index: number): boolean {
  return statements.some((s) => {
    switch (s.op) {
      case 'set': return s.index === index;
      case 'loop': return s.index === index || assigns(s.body, index);
      case 'if': return assigns(s.then, index) || assigns(s.otherwise, index);
      default: return false;
    }
  });
}

function emitStore(scope: FunctionScope, s: Extract<Statement, { op: 'store' }>): void {
  const lanes = s.lanes === 'all' ? 4 : s.lanes;
  if (lanes === 0) return;
  if (lanes === 3) return emitStoreOfThree(scope, s);
  emitValue(scope, s.address);
  emitValue(scope, s.value);
  if (lanes === 4) scope.simdMemory(SIMD.store, s.offset);
  else scope.simdMemory(lanes === 2 ? SIMD.storeLane64 : SIMD.storeLane, s.offset).byte(0);
}

function emitStoreOfThree(scope: FunctionScope, s: Extract<Statement, { op: 'store' }>): void {
  const value = scope.storeValue();
  const address = scope.partialAddress();
  emitValue(scope, s.value);
  scope.local(CORE.localSet, value);
  emitValue(scope, s.address);
  scope.local(CORE.localTee, address);
  scope.local(CORE.localGet, value);
  scope.simdMemory(SIMD.storeLane64, s.offset).byte(0);
  scope.local(CORE.localGet, address);
  scope.local(CORE.localGet, value);
  scope.simdMemory(SIMD.storeLane, s.offset + 8).byte(2);
}

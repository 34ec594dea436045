export * from './plan.ts';
export * from './nest.ts';
export { DEFAULT_TILE, plan } from './compile.ts';
export type { CompileOptions } from './compile.ts';
export { kernelProgram, scratchBytesOf, unitsOf } from './codegen/index.ts';
export type { Addresses } from './codegen/index.ts';
export { evaluateIx } from './evaluate-ix.ts';
export { explain } from './explain.ts';
export type { VectorProgram } from './vector/index.ts';

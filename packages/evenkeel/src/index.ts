/** evenkeel: train neural networks in TypeScript. */
export { Fault, InternalError } from './base/index.ts';
export type { DType, FaultDetail, Shape, TypedArray } from './base/index.ts';
export * from './data/index.ts';
export * from './interop/index.ts';
export * from './lab/index.ts';
export * as nn from './nn/index.ts';
export { Module, summary } from './nn/index.ts';
export * from './optim/index.ts';
export { backendName, configure, currentTrace, shutdown, withMode, withPath } from './runtime/index.ts';
export type { Configuration, Mode } from './runtime/index.ts';
export * from './tensor/index.ts';
export * from './train/index.ts';

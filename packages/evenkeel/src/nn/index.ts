export { init } from './init.ts';
export type { Fans, Initializer } from './init.ts';
export * from './layers/index.ts';
export { Module } from './module.ts';
export type { Around, BuildOptions, Model, ModuleOptions } from './module.ts';
export { Sequential, sequential } from './sequential.ts';
export type { SequentialOptions } from './sequential.ts';
export { modelSize, summary } from './summary.ts';
export type { ModelSize } from './summary.ts';

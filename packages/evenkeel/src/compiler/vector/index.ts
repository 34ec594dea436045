export * from './program.ts';
export { Builder } from './builder.ts';
export * as intrinsics from './intrinsics.ts';

export * from './program.ts';
export { Builder } from './builder.ts';

export * as ix from './ix.ts';
export type { Atom, Ix, Term, Var } from './ix.ts';
export * from './expr.ts';
export { errorFunction } from './error-function.ts';

/** Floor 2: values before they exist. Nodes, the ops and reductions that make them, gradients, and the oracle. */
export * from './node.ts';
export * from './monoid.ts';
export * from './program.ts';
export * as build from './build.ts';
export { ops } from './ops/index.ts';
export { monoids } from './monoids/index.ts';
export { grad } from './grad.ts';
export { evaluate } from './evaluate.ts';
export { dense } from './dense.ts';
export type { Bindings, Visit } from './evaluate.ts';
export type { PadAttrs } from './ops/pad.ts';
export type { SliceAttrs } from './ops/slice.ts';
export type { CustomAttrs } from './ops/custom.ts';
export type { DotAttrs } from './ops/dot.ts';
export type { RandomAttrs } from './ops/random.ts';
export type { ReduceAttrs } from './ops/reduce.ts';
export type { RefSlot } from './ops/ref.ts';
export type { UnskewAttrs, WindowAttrs } from './windows.ts';

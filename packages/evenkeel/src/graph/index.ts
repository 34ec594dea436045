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
export type { CustomAttrs, DotAttrs, PadAttrs, RandomAttrs, ReduceAttrs, RefSlot, SliceAttrs } from './ops/index.ts';
export type { UnskewAttrs, WindowAttrs } from './windows.ts';

export { loadStateDict, stateDict } from './state-dict.ts';
export type { LoadOptions, StateDict } from './state-dict.ts';
export type { TorchNaming } from './slots.ts';
export type { LoadReport } from './transfer.ts';

export { importCaffeBatchNorm } from './caffe.ts';
export type { CaffeBatchNorm, CaffeScale } from './caffe.ts';
export { importWeights } from './import-weights.ts';
export type { ImportOptions } from './import-weights.ts';
export { loadStateDict, stateDict } from './state-dict.ts';
export type { LoadOptions, StateDict } from './state-dict.ts';
export type { TorchNaming } from './slots.ts';
export type { LoadReport } from './transfer.ts';
export type { FetchShard } from './tfjs.ts';

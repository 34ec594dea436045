export { checkNormalization } from './check-normalization.ts';
export type { CheckNormalizationOptions } from './options.ts';
export type { NormalizationFacts, NormalizationFinding, NormalizationReport } from './report.ts';

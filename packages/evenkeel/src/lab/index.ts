/** Floor 9: comparing and diagnosing. */
export * from './check-normalization/index.ts';

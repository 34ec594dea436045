export * from './dtype.ts';
export * from './shape.ts';
export * from './fault.ts';
export * from './random.ts';
export * from './show-value.ts';

import { mnistCnn } from './mnist-cnn.ts';
import { mnistMlp } from './mnist-mlp.ts';

export type { ModelOptions } from './model-options.ts';

/** The models that the command trains, by name. */
export const models = {
  'mnist-cnn': mnistCnn,
  'mnist-mlp': mnistMlp,
} as const;

export type ModelName = keyof typeof models;

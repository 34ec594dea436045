/** Normalization that stays as it is while the rest of a model trains. */
import type { Module } from '../module.ts';
import { Normalization } from '../norms/index.ts';
import { normsOf } from './norms-of.ts';

/** What of the normalization layers stays. */
export interface FreezeNormsOptions {
  /** Let factors and offsets train, by running statistics that no longer move; default false. */
  readonly trainAffine?: boolean;
}

/**
 * Freezes the normalization layers of a model, for fine-tuning with few samples in a batch: they normalize by their running
 * statistics in training too, and neither those nor factors and offsets move. It stays so in every mode; `model.unfreeze()`, or
 * unfreeze() of a layer, undoes it. With `trainAffine` the layers get `statistics: 'running'` and `update: false` instead.
 * @returns the frozen layers by path
 */
export function freezeNorms(model: Module, options: FreezeNormsOptions = {}): Map<string, Module> {
  const norms = normsOf(model);
  for (const norm of norms.values()) {
    if (!options.trainAffine) norm.freeze();
    else if (norm instanceof Normalization) [norm.statistics, norm.update] = ['running', false];
  }
  return norms;
}

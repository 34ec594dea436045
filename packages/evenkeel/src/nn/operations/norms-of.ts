/** The normalization layers of a model. */
import type { Module } from '../module.ts';
import { AdaptiveInstanceNorm, LocalResponseNorm, Normalization, PerSampleNorm, PixelNorm, QueryKeyNorm, Spade, ThresholdedLinearUnit, UnitNorm } from '../norms/index.ts';

/** A class of layers. */
export type Kind<M extends Module> = abstract new (...args: never[]) => M;

/** Every layer that normalizes activations is one of these. */
const BASES: readonly Kind<Module>[] = [Normalization, PerSampleNorm, AdaptiveInstanceNorm, LocalResponseNorm, PixelNorm, QueryKeyNorm, Spade, UnitNorm];

/** True for a layer that normalizes activations, by whatever statistics; not for rules of weights, such as weightNorm. */
export function isNorm(layer: unknown): layer is Module {
  return BASES.some((base) => layer instanceof base) && !(layer instanceof ThresholdedLinearUnit);
}

/**
 * The normalization layers in a model by path, parents first; one that is used in several places has its first path.
 * `normsOf(model, nn.BatchNorm)` gives those of one class (of your own too) and its subclasses.
 */
export function normsOf(model: Module): Map<string, Module>;
export function normsOf<M extends Module>(model: Module, kind: Kind<M>): Map<string, M>;
export function normsOf(model: Module, kind?: Kind<Module>): Map<string, Module> {
  return new Map(model.modules().filter(([, layer]) => (kind ? layer instanceof kind : isNorm(layer))));
}

/** Checks of options that normalization layers share. */
import { faults } from './faults.ts';

/** What other libraries call something else, or have elsewhere: words without underscores, in lower case. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  momentum: 'write decay, the weight of the old value: 1 - momentum of PyTorch, momentum of Keras',
  eps: 'write epsilon',
  affine: 'write { scale: false, center: false } for a layer that learns nothing',
  elementwiseaffine: 'write { scale: false, center: false } for a layer that learns nothing',
  bias: 'write { center: false } for a layer without offsets',
  trackrunningstats: "write { evaluation: 'batch', update: false } for a layer that keeps no running statistics",
  numfeatures: 'leave it out: the first input tells; or write channels',
  numchannels: 'leave it out: the first input tells',
  numgroups: 'write groups',
  normalizedshape: 'write axes, for example axes: -1; the first input tells their extents',
  gammainitializer: 'write initialScale for another first value than 1',
  trainable: 'write trainAffine, or call freeze() on the layer',
  training: "compile the step with { mode: 'train' } or { mode: 'eval' }",
  renorm: 'use batchRenorm',
  synchronized: 'use syncBatchNorm',
};

/** @throws E101 for options by their names in other libraries, which would be ignored otherwise. @param words those that only this layer refuses */
export function refuseForeign(op: string, options: object, words: Readonly<Record<string, string>> = ELSEWHERE): void {
  for (const [name, value] of Object.entries(options)) {
    const word = name.replaceAll('_', '').toLowerCase();
    if (value !== undefined && Object.hasOwn(words, word)) throw faults.option(op, name, 'is not an option of this layer', value, words[word]);
  }
}

/** The same for `axis`, where a layer takes several. @throws E101 */
export function refuseAxis(op: string, options: object): void {
  refuseForeign(op, options, { axis: 'write axes, one number or several, for example axes: -1' });
}

/** Names of running statistics. @throws E101 unless they are different strings */
export function checkKeys(op: string, keys: readonly string[]): void {
  const named = Array.isArray(keys) && keys.every((key) => typeof key === 'string' && key !== '') && new Set(keys).size === keys.length;
  if (!named) throw faults.option(op, 'keys', 'must be a list of different names', keys, "for example keys: ['real', 'fake']");
}

/** What follows a normalization. @throws E101 for what is neither true nor false, and for a first value that is not finite */
export function checkAffineOptions(op: string, options: { readonly scale?: unknown; readonly center?: unknown; readonly trainAffine?: unknown; readonly initialScale?: unknown }): void {
  for (const name of ['scale', 'center', 'trainAffine'] as const) checkFlag(op, name, options[name]);
  const { initialScale = 1 } = options;
  if (!Number.isFinite(initialScale)) throw faults.option(op, 'initialScale', 'must be a finite number', initialScale, 'for example initialScale: 1');
}

/** @throws E101 */
export function checkFlag(op: string, name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw faults.option(op, name, 'must be true or false', value, `for example ${name}: false`);
}

/** What is added under a root or to a length. @throws E101 */
export function checkEpsilon(op: string, epsilon: number): number {
  if (!(Number.isFinite(epsilon) && epsilon >= 0)) throw faults.option(op, 'epsilon', 'must be a finite number, 0 or more', epsilon, 'for example epsilon: 1e-5');
  return epsilon;
}

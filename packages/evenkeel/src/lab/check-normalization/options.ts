/** What a normalization layer is expected to do. */
import { Fault, formatShape, resolveAxis, sizeOf } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import type { Model } from '../../nn/index.ts';

/** What the layer is held to. */
export interface CheckNormalizationOptions {
  /** Shape of the batches it is tried on; default [6, 5, 4]. Every axis that counts needs more than one value. */
  readonly shape?: Shape;
  /** The axis of the channels; default -1, the last. */
  readonly axis?: number;
  /**
   * What is normalized together. 'batch' (default): each channel over samples and positions, by running statistics in evaluation.
   * Others treat each sample by itself: 'layer' over its channels, 'instance' each channel over its positions, or the given axes.
   */
  readonly over?: 'batch' | 'layer' | 'instance' | readonly number[];
  /** The mean is subtracted; default true. False for RMSNorm and its kin. */
  readonly centered?: boolean;
  /** Weight that the old value should have in the running averages; default: any above 0.5. */
  readonly decay?: number;
  /** What should be added to the variance; default: anything above 0 and up to 0.01. */
  readonly epsilon?: number;
  /** The layer without one of its parts, to see that what remains works: `{ scale: () => new Mine({ scale: false }) }`. */
  readonly without?: { readonly scale?: () => Model; readonly center?: () => Model };
}

/** The options with their defaults, axes counted from the front. */
export interface Expectation {
  readonly shape: Shape;
  readonly channelAxis: number;
  readonly axes: readonly number[];
  /** Statistics of the batch in training, running ones in evaluation. */
  readonly batch: boolean;
  readonly centered: boolean;
  readonly decay: number | undefined;
  readonly epsilon: number | undefined;
  /** As the title of a report names it. */
  readonly name: string;
}

/** @throws E101 for a shape or axes that cannot be */
export function expectationOf(options: CheckNormalizationOptions): Expectation {
  const { shape = [6, 5, 4], axis = -1, over = 'batch', centered = true, decay, epsilon } = options;
  const channelAxis = resolveAxis(axis, shape.length);
  if (channelAxis === undefined || channelAxis === 0) throw optionFault('axis', `must name an axis of ${formatShape(shape)} other than the batch`, axis, 'axis: -1');
  const axes = axesOf(over, shape, channelAxis);
  if (axes.length === 0 || axes.some((a) => !(a >= 0)) || new Set(axes).size < axes.length) {
    throw optionFault('over', `must name axes of ${formatShape(shape)}`, over, "over: 'layer'");
  }
  if (shape[0] < 2 || sizeOf(axes.map((a) => shape[a])) < 2 || !shape.every((extent) => Number.isInteger(extent) && extent >= 1)) {
    throw optionFault('shape', 'must have two samples or more, and more than one value to normalize together', formatShape(shape), 'shape: [6, 5, 4]');
  }
  const batch = over === 'batch';
  const name = batch ? 'batch normalization' : over === 'layer' ? 'layer normalization' : over === 'instance' ? 'instance normalization' : 'normalization';
  return { shape, channelAxis, axes, batch, centered, decay, epsilon, name: `${name} over ${axesInWords(axes, channelAxis)}` };
}

/** `axis 0 (samples) and axis 2 (channels)`. */
export function axesInWords(axes: readonly number[], channelAxis: number): string {
  const words = axes.map((axis) => `axis ${axis}${axis === 0 ? ' (samples)' : axis === channelAxis ? ' (channels)' : ''}`);
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function axesOf(over: NonNullable<CheckNormalizationOptions['over']>, shape: Shape, channelAxis: number): number[] {
  const all = shape.map((_, axis) => axis);
  if (over === 'batch') return all.filter((axis) => axis !== channelAxis);
  if (over === 'layer') return [channelAxis];
  if (over === 'instance') return all.filter((axis) => axis !== 0 && axis !== channelAxis);
  return over.map((axis) => resolveAxis(axis, shape.length) ?? -1).sort((a, b) => a - b);
}

function optionFault(name: string, rule: string, got: unknown, example: string): Fault {
  return new Fault({
    code: 'E101', op: 'checkNormalization', rule: `${name} ${rule}`, hint: `for example ${example}`,
    detail: [`got ${typeof got === 'string' ? got : JSON.stringify(got)}`],
  });
}

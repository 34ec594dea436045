/** What a normalization layer does in evaluation, as one factor and one offset for each channel. */
import { Fault } from '../../base/index.ts';
import { Trace, tracing, valueNow } from '../../runtime/index.ts';
import { tensor } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { Model, Module } from '../module.ts';
import { Normalization } from '../norms/index.ts';

/** y = x * factor + offset, channel by channel of the last axis. */
export interface AffinePart { readonly factor: Float64Array; readonly offset: Float64Array }

/** Batches of inputs: the first tells factor and offset, the other, different in every channel, whether that is all, in any batch and far away. */
const BASIS = (sample: number): number => sample;
const OTHERS = (sample: number, channel: number): number => Math.fround((1.5 + Math.sin(1 + sample + 7.31 * channel)) * [-1e9, 2, 1e9][sample]);

/** Relative; the oracle computes in f64. */
const TOLERANCE = 1e-9;

/**
 * Found by looking at the layer's outputs, computed in f64: so it holds for batch normalization of every kind, and for layers of users.
 * An activation of the layer is left out.
 * @param rank of the layer's input
 * @returns undefined if the layer does something else to an input of that rank
 */
export function affinePart(norm: Model, rank: number, channels: number): AffinePart | undefined {
  const basis = probe(norm, BASIS, [2, rank, channels]);
  const others = probe(norm, OTHERS, [3, rank, channels]);
  if (!basis || !others) return undefined;
  const offset = basis.slice(0, channels);
  const factor = basis.slice(channels).map((value, c) => value - offset[c]);
  const exact = others.every((value, i) => {
    const [scaled, shift] = [OTHERS(Math.floor(i / channels), i % channels) * factor[i % channels], offset[i % channels]];
    return Math.abs(value - scaled - shift) <= TOLERANCE * (Math.abs(scaled) + Math.abs(shift) + Number.MIN_VALUE);
  });
  return exact ? { factor, offset } : undefined;
}

/** Outputs for a batch of these values, [samples, channels]. Undefined for a layer that does not take one position of them. */
function probe(norm: Model, value: (sample: number, channel: number) => number, [samples, rank, channels]: readonly [number, number, number]): Float64Array | undefined {
  const x = Float32Array.from({ length: samples * channels }, (_, i) => value(Math.floor(i / channels), i % channels));
  const y = outputOf(norm, tensor(x, [samples, ...Array.from<number>({ length: rank - 2 }).fill(1), channels]));
  return y?.length === x.length ? y : undefined;
}

/** What a layer does to its output after its affine part, if anything is known of it. */
export function activationIn(norm: Module): ((x: Tensor) => Tensor) | undefined {
  return norm instanceof Normalization ? norm.activation : undefined;
}

function outputOf(norm: Model, x: Tensor): Float64Array | undefined {
  const activation = activationIn(norm);
  if (activation) Reflect.set(norm, 'activation', (y: Tensor) => y);
  try {
    return valueNow(tracing(new Trace('eval'), () => norm.forward(x)).node);
  } catch (error) {
    // It refuses one position by itself: what it does depends on more than one.
    if (error instanceof Fault) return undefined;
    throw error;
  } finally {
    if (activation) Reflect.set(norm, 'activation', activation);
  }
}

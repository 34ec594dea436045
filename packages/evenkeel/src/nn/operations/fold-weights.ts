/** Factors and offsets of channels moved into a weight and a bias; in f64, rounded once at the end. */
import { bumpStructure } from '../../runtime/index.ts';
import { Param } from '../../tensor/index.ts';
import type { Module } from '../module.ts';
import { bakeWeights, isReparametrized } from '../reparametrize.ts';
import type { AffinePart } from './affine-part.ts';

/** A layer that multiplies by `weight` and adds `bias`, if it has one. */
export type WithWeight = Module & { readonly weight: Param; readonly bias?: Param | undefined };

/**
 * What was multiplied and added behind the layer: W' = W k, b' = b k + offset.
 * @param axis of the weight that counts the outputs, or those of one group, the last axis being the inputs of all groups
 */
export async function foldBehind(layer: WithWeight, axis: number, { factor, offset }: AffinePart): Promise<void> {
  const { weight, values, bias } = await parts(layer, factor.length);
  const [unit, last] = [coordinate(weight.shape, axis), coordinate(weight.shape, -1)];
  const units = weight.shape.at(axis)!;
  const share = weight.shape.at(-1)! * units / factor.length;
  const group = (i: number): number => (units === factor.length ? 0 : Math.floor(last(i) / share));
  weight.write(values.map((value, i) => value * factor[group(i) * units + unit(i)]));
  writeBias(layer, bias.map((value, c) => value * factor[c] + offset[c]));
}

/** What was multiplied and added before the layer: W' = W k, b' = b + sum of W offset over its inputs. The weight is [..., in / groups, out]. */
export async function foldBefore(layer: WithWeight, { factor, offset }: AffinePart): Promise<void> {
  const outputs = layer.weight.shape.at(-1)!;
  const { weight, values, bias } = await parts(layer, outputs);
  const inputs = weight.shape.at(-2)!;
  const groups = factor.length / inputs;
  const [output, input] = [coordinate(weight.shape, -1), coordinate(weight.shape, -2)];
  const channel = (i: number): number => Math.floor(output(i) / (outputs / groups)) * inputs + input(i);
  values.forEach((value, i) => { bias[output(i)] += value * offset[channel(i)]; });
  weight.write(values.map((value, i) => value * factor[channel(i)]));
  writeBias(layer, bias);
}

async function parts(layer: WithWeight, outputs: number): Promise<{ readonly weight: Param; readonly values: Float64Array; readonly bias: Float64Array }> {
  if (isReparametrized(layer)) await bakeWeights(layer);
  const { weight, bias } = layer;
  return {
    weight, values: Float64Array.from(await weight.read()),
    bias: bias ? Float64Array.from(await bias.read()) : new Float64Array(outputs),
  };
}

function writeBias(layer: WithWeight, data: Float64Array): void {
  if (layer.bias) {
    layer.bias.write(data);
    return;
  }
  const bias = new Param({ shape: [data.length], name: layer.weight.name.replace(/[^.]*$/, 'bias'), data });
  bias.trainable = layer.weight.trainable;
  Reflect.set(layer, 'bias', bias);
  bumpStructure();
}

/** The index along an axis of the element at a flat position. */
function coordinate(shape: readonly number[], axis: number): (flat: number) => number {
  const at = axis < 0 ? shape.length + axis : axis;
  const stride = shape.slice(at + 1).reduce((n, extent) => n * extent, 1);
  return (flat) => Math.floor(flat / stride) % shape[at];
}

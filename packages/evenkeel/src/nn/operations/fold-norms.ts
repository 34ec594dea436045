/** Normalization folded into neighbouring weights, for inference. */
import type { Node } from '../../graph/index.ts';
import { topological } from '../../graph/index.ts';
import { flushEager } from '../../runtime/index.ts';
import { Tensor } from '../../tensor/index.ts';
import { Conv2d, ConvTranspose2d, layer as lambda, Linear } from '../layers/index.ts';
import type { Model, Module } from '../module.ts';
import { Normalization } from '../norms/index.ts';
import { activationIn, affinePart } from './affine-part.ts';
import type { AffinePart } from './affine-part.ts';
import { operationFaults } from './faults.ts';
import { foldBefore, foldBehind } from './fold-weights.ts';
import type { WithWeight } from './fold-weights.ts';
import { normsOf } from './norms-of.ts';
import type { Kind } from './norms-of.ts';
import { placeOf, substitute } from './place.ts';
import { ancestors, retrace, traceCalls } from './trace-calls.ts';
import type { Call, TracedCalls } from './trace-calls.ts';

/** A class of layers with a `weight` that normalization behind them folds into. */
export interface FoldableKind {
  readonly kind: Kind<Module>;
  /** Axis of the weight that counts the outputs: -1, or -2 for a transposed convolution (with groups, those of one group). */
  readonly outputAxis: number;
}

/** What is folded. */
export interface FoldNormsOptions {
  /** Paths of normalization layers that stay. */
  readonly keep?: readonly string[];
  /** Layers of your own, besides linear, conv2d (depthwise too) and convTranspose2d. Their `forward` must read `weight` and, if it is there, `bias`. */
  readonly kinds?: readonly FoldableKind[];
}

/** What was done. */
export interface FoldReport {
  /** By path of the normalization: the layer it is in now. An identity, or its activation, stands in its place, so that no path changes. */
  readonly folded: ReadonlyMap<string, string>;
  /** By path of the normalization: why it stayed. */
  readonly kept: ReadonlyMap<string, string>;
}

const KINDS: readonly FoldableKind[] = [{ kind: Conv2d, outputAxis: -1 }, { kind: Linear, outputAxis: -1 }, { kind: ConvTranspose2d, outputAxis: -2 }];

type Decision =
  | { readonly kind: 'behind' | 'before'; readonly into: Call; readonly outputAxis: number; readonly part: AffinePart }
  | { readonly kind: 'keep'; readonly why: string }
  | { readonly kind: 'refuse'; readonly conv: Call };

/**
 * Folds every batch normalization whose running statistics are used in evaluation into the layer before it (W' = W k, b' = b k + c
 * with k = scale / sqrt(variance + epsilon)), or, where that cannot be, into a linear layer or convolution without padding behind it.
 * Who feeds whom is read from a traced forward, so models of any form fold. The model computes the same in evaluation, to rounding
 * (factors are computed in f64), and must not train on. Weights by rule (weightNorm and so on) are baked first.
 * @throws E362 for a normalization before a convolution that pads; E363 for a model that was neither built nor run. The model is then
 * as before
 */
export async function foldNorms(model: Module, options: FoldNormsOptions = {}): Promise<FoldReport> {
  await flushEager();
  await Promise.all(model.buffers().map((buffer) => buffer.read()));
  const folded = new Map<string, string>();
  for (let first = true; ; first = false) {
    const decisions = decide(model, options);
    for (const [path, decision] of decisions) {
      if (first && decision.kind === 'refuse') throw operationFaults.padded(path, decision.conv.path, decision.conv.module.describe());
    }
    // One at a time: what was folded changes what its neighbours can do.
    const next = [...decisions].find(([, { kind }]) => kind === 'behind' || kind === 'before');
    if (!next) return { folded, kept: new Map([...decisions].map(([path, decision]) => [path, decision.kind === 'keep' ? decision.why : 'the layer behind it pads'])) };
    folded.set(next[0], await apply(model, next[0], next[1]));
  }
}

async function apply(model: Module, path: string, decision: Decision): Promise<string> {
  if (decision.kind !== 'behind' && decision.kind !== 'before') return '';
  const target = decision.into.module as WithWeight;
  const norm = placeOf('foldNorms', model, path).layer as Model;
  const activation = activationIn(norm) ?? ((y: Tensor): Tensor => y);
  substitute('foldNorms', model, norm, lambda(activation, `identity (${norm.describe()} folded into ${decision.into.path})`));
  await (decision.kind === 'behind' ? foldBehind(target, decision.outputAxis, decision.part) : foldBefore(target, decision.part));
  retrace(model);
  return decision.into.path;
}

function decide(model: Module, { keep = [], kinds = [] }: FoldNormsOptions): Map<string, Decision> {
  const traced = traceCalls(model);
  const known = [...KINDS, ...kinds];
  return new Map([...normsOf(model)].map(([path, norm]) => [path, keep.includes(path) ? stay('it was to be kept') : decideOne(norm as Model, traced, known)]));
}

function decideOne(norm: Model, traced: TracedCalls, kinds: readonly FoldableKind[]): Decision {
  const calls = traced.calls.filter((call) => call.module === norm);
  const [call] = calls;
  if (calls.length !== 1) return stay(calls.length === 0 ? 'it is not called in a forward of the model' : 'it is called more than once');
  if (norm instanceof Normalization && norm.settings.keys.length > 1) return stay('it keeps running statistics for several keys');
  const [x] = call.inputs;
  if (call.inputs.length !== 1 || !(x instanceof Tensor) || !call.output) return stay('it is called with more than its input');
  const part = affinePart(norm, x.rank, x.shape.at(-1)!);
  if (!part) return stay('its output in evaluation is not a factor and an offset for each channel of the last axis');
  const kindOf = (other: Call): FoldableKind | undefined => kinds.find(({ kind }) => other.module instanceof kind);
  const once = (other: Call): boolean => kindOf(other) !== undefined && traced.calls.filter(({ module }) => module === other.module).length === 1;
  const before = traced.calls.find((other) => other.own?.node === x.node && once(other));
  if (before && onlyRead(x.node, call.output.node, traced)) {
    const { outputAxis } = kindOf(before)!;
    const units = (before.module as WithWeight).weight.shape.at(outputAxis)!;
    if (!readAlone(before, traced)) return stay(`the weights of ${before.path} are read elsewhere too`);
    if (part.factor.length % units === 0) return { kind: 'behind', into: before, outputAxis, part };
  }
  const behind = traced.calls.find((other) => other !== call && other.inputs[0] instanceof Tensor && other.inputs[0].node === call.output!.node && once(other));
  return behind ? decideBehind(norm, call.output, behind, part, traced) : stay('no linear layer or convolution has it alone before or behind it');
}

/** Folding into what comes next: the zeros of a padding would have to be something else, unless the offset is 0. */
function decideBehind(norm: Model, y: Tensor, into: Call, part: AffinePart, traced: TracedCalls): Decision {
  const { module } = into;
  const activation = activationIn(norm);
  if (activation && activation(y).node !== y.node) return stay('its activation stands between it and the layer behind it');
  if (!into.own || !onlyRead(y.node, into.own.node, traced)) return stay('its output is read in several places');
  if (!(module instanceof Conv2d || module instanceof Linear)) return stay('nothing is known of the layer behind it');
  if (!readAlone(into, traced)) return stay(`the weights of ${into.path} are read elsewhere too`);
  if (module instanceof Conv2d && pads(module) && part.offset.some((value) => value !== 0)) return { kind: 'refuse', conv: into };
  return { kind: 'before', into, outputAxis: -1, part };
}

function stay(why: string): Decision {
  return { kind: 'keep', why };
}

function pads({ options: { padding = 0 }, kernel }: Conv2d): boolean {
  if (padding === 'valid') return false;
  if (padding === 'same') return kernel.some((extent) => extent > 1);
  return [padding].flat(2).some((extent) => extent !== 0);
}

/** True if nothing but this call reads the layer's weight and bias: tied weights would change for both. */
function readAlone({ module, inputs, own }: Call, { outputs }: TracedCalls): boolean {
  const { weight, bias } = module as WithWeight;
  const variables: unknown[] = [weight.variable, bias?.variable];
  const given = new Set(topological(inputs.filter((x) => x instanceof Tensor).map(({ node }) => node)));
  const inside = ancestors(own!.node);
  const stored = (node: Node): boolean => node.op.name === 'ref' && variables.includes((node.attrs as { readonly ref: unknown }).ref);
  const readers = topological(outputs.map(({ node }) => node)).filter((node) => node.inputs.some(stored));
  return readers.every((node) => inside.has(node) && !given.has(node)) && !outputs.some(({ node }) => stored(node));
}

/** True if `value` goes nowhere but into what computes `reader`. */
function onlyRead(value: Node, reader: Node, { outputs }: TracedCalls): boolean {
  const inside = ancestors(reader);
  const readers = topological(outputs.map(({ node }) => node)).filter((node) => node.inputs.includes(value));
  return readers.every((node) => inside.has(node)) && !outputs.some(({ node }) => node === value) && readers.length > 0;
}

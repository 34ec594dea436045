/**
 * How other frameworks name and lay out what our layers hold: one row for a layer class, the first that fits counts.
 *
 * To add a layer, add a row: its properties, PyTorch's names, and Keras' names in the order in which Keras makes them. A property
 * without an entry keeps its own name towards PyTorch; Keras files leave it as it is.
 */
import type { Shape } from '../base/index.ts';
import {
  Conv2d, ConvTranspose2d, GroupNorm, GruCell, InstanceNorm, LayerNorm, Linear, LstmCell, Normalization, PerSampleNorm, Recurrent, RmsNorm, SpectralNorm, WeightNorm,
} from '../nn/index.ts';
import type { Module } from '../nn/index.ts';
import { Param } from '../tensor/index.ts';
import { chain, permuted, reshaped, same, unflattened } from './layout.ts';
import type { Layout } from './layout.ts';
import { columns, joined, one, scalar, sum, where, zerosLike } from './part.ts';
import type { Part } from './part.ts';

/** What a layer's place in the model says about its state. */
export interface Place {
  /** Which axis other frameworks' maps have first where they keep several axes together. */
  readonly channels: 'first' | 'last';
  /** Shape of the map, in our layout, that was flattened into the layer's input. */
  readonly flattened: Shape | undefined;
  readonly parent: Module | undefined;
}

/** A layer of Keras. */
export interface KerasEntry {
  /** Its class in snake case, as Keras names layers. */
  readonly kind: string;
  /** Its variables in Keras' order. */
  readonly parts: readonly Part[];
  /** Options that must have a value for the layers to be the same, where a config tells. */
  readonly requires?: Readonly<Record<string, unknown>>;
}

/** A row of the table, for one module. */
export interface Entry {
  readonly torch: readonly Part[];
  readonly keras?: KerasEntry;
  /** PyTorch's names of what the module adds to its owner, as seen from the owner. */
  readonly within?: (name: string) => string;
  /** PyTorch's names of what a child holds, as seen from this module. */
  readonly inside?: (name: string) => string;
  /** What the module makes of PyTorch's names of its owner. */
  readonly owner?: Readonly<Record<string, string>>;
  /** Names that older checkpoints have though they mean nothing, and what to do. */
  readonly stray?: { readonly names: readonly string[]; readonly hint: string };
}

type Row = (module: Module, place: Place) => Entry | undefined;

/** The entry of a module, if the table has its class. */
export function entryOf(module: Module, place: Place): Entry | undefined {
  for (const row of TABLE) {
    const entry = row(module, place);
    if (entry) return entry;
  }
  return undefined;
}

function row<M extends Module>(type: abstract new (...args: never[]) => M, entry: (layer: M, place: Place) => Entry): Row {
  return (module, place) => (module instanceof type ? entry(module, place) : undefined);
}

const MATRIX = [1, 0] as const;
const KERNEL = [2, 3, 1, 0] as const;
const RUNNING = ['running_mean', 'running_var', 'num_batches_tracked'] as const;
const bias = one('bias', 'bias');
const kerasBias = where('use_bias', bias);

const TABLE: readonly Row[] = [
  row(Linear, (layer, place) => ({
    torch: [one('weight', 'weight', chain(permuted(...MATRIX), rowsOf(layer.weight, place))), bias],
    keras: { kind: 'dense', parts: [one('weight', 'kernel'), kerasBias] },
  })),
  row(Conv2d, (layer) => ({ torch: [one('weight', 'weight', permuted(...KERNEL)), bias], keras: convolution(layer) })),
  row(ConvTranspose2d, () => ({
    torch: [one('weight', 'weight', permuted(...KERNEL)), bias],
    keras: { kind: 'conv2d_transpose', parts: [one('weight', 'kernel'), kerasBias] },
  })),
  row(LstmCell, () => ({
    torch: [...cellWeights(), biases],
    keras: { kind: 'lstm', parts: [one('inputWeight', 'kernel'), one('hiddenWeight', 'recurrent_kernel'), kerasBias] },
  })),
  row(GruCell, (layer) => ({
    torch: [...cellWeights(), gruBiases(layer.units)],
    keras: { kind: 'gru', parts: [one('inputWeight', 'kernel', gates(layer.units)), one('hiddenWeight', 'recurrent_kernel', gates(layer.units)), kerasGruBias(layer.units)], requires: { reset_after: true } },
  })),
  row(Recurrent, () => ({ torch: [], inside: (name) => `${name}_l0` })),
  row(WeightNorm, (_, { parent }) => ({
    torch: [one('length', 'original0', lengths(weightOf(parent)))],
    within: (name) => `parametrizations.weight.${name}`, owner: { weight: 'parametrizations.weight.original1' },
  })),
  row(SpectralNorm, (_, place) => ({
    torch: [one('u', '0._u'), one('v', '0._v', rightVector(place))],
    within: (name) => `parametrizations.weight.${name}`, owner: { weight: 'parametrizations.weight.original' },
  })),
  row(Normalization, (layer, place) => ({
    torch: [
      ...named({ scale: 'weight', shift: 'bias', runningMean: 'running_mean', runningVariance: 'running_var' }, rowsOf(layer.runningMean, place)), batches(layer)],
    keras: { kind: 'batch_normalization', parts: [
      ...affine('gamma', 'beta'), ...named({ runningMean: 'moving_mean', runningVariance: 'moving_variance' }),
      ...named({ runningDeviation: 'moving_stddev', renormMean: 'renorm_mean', renormDeviation: 'renorm_stddev' }).map((part) => where('renorm', part, false))] },
  })),
  row(InstanceNorm, () => ({
    torch: named({ scale: 'weight', shift: 'bias' }), keras: { kind: 'group_normalization', parts: affine('gamma', 'beta') },
    stray: { names: RUNNING, hint: 'to use them build nn.instanceNorm({ running: true }); else leave them out with { strict: false }' },
  })),
  row(GroupNorm, () => ({ torch: named({ scale: 'weight', shift: 'bias' }), keras: { kind: 'group_normalization', parts: affine('gamma', 'beta') } })),
  row(LayerNorm, (layer, place) => ({
    torch: named({ scale: 'weight', shift: 'bias' }, elements(layer.scale ?? layer.shift, place)), keras: { kind: 'layer_normalization', parts: affine('gamma', 'beta') },
  })),
  row(RmsNorm, (layer, place) => ({ torch: named({ scale: 'weight' }, elements(layer.scale, place)), keras: { kind: 'rms_normalization', parts: [one('scale', 'scale')] } })),
  row(PerSampleNorm, () => ({ torch: named({ scale: 'weight', shift: 'bias' }) })),
];

function named(names: Readonly<Record<string, string>>, layout: Layout = same): Part[] {
  return Object.entries(names).map(([own, theirs]) => one(own, theirs, layout));
}

function affine(scale: string, shift: string): Part[] {
  return [where('scale', one('scale', scale)), where('center', one('shift', shift))];
}

function rowsOf(ref: { readonly shape: Shape }, { flattened }: Place): Layout {
  return unflattened(flattened, ref.shape);
}

/** Of a norm over whole maps: [C, H, W] becomes [H, W, C]. */
function elements(ref: { readonly shape: Shape } | undefined, place: Place): Layout {
  if (!ref) return same;
  return ref.shape.length === 3 && place.channels === 'first' ? permuted(1, 2, 0) : rowsOf(ref, place);
}

/** Keras keeps convolutions by channel, with [KH, KW, C, multiplier], as a kind of their own. */
function convolution({ weight, filters, kernel, options }: Conv2d): KerasEntry {
  const { groups = 1 } = options;
  const depthwise = groups > 1 && weight.shape[2] === 1;
  if (!depthwise) return { kind: 'conv2d', parts: [one('weight', 'kernel'), kerasBias] };
  return { kind: 'depthwise_conv2d', parts: [one('weight', 'kernel', reshaped([...kernel, groups, filters / groups], weight.shape)), kerasBias] };
}

function cellWeights(): Part[] {
  return named({ inputWeight: 'weight_ih', hiddenWeight: 'weight_hh' }, permuted(...MATRIX));
}

/** PyTorch adds two biases that act as one. */
const biases: Part = {
  own: ['bias'], theirs: ['bias_ih', 'bias_hh'], read: ([input, hidden]) => [sum(input, hidden)], write: ([own]) => [own, zerosLike(own)],
};

/** The candidate's part of the hidden bias is inside the product with the reset gate, so it stays apart. */
function gruBiases(units: number): Part {
  return {
    own: ['bias', 'candidateBias'], theirs: ['bias_ih', 'bias_hh'],
    read: ([input, hidden]) => {
      const candidate = columns(hidden, 2 * units, 3 * units);
      return [sum(input, joined(columns(hidden, 0, 2 * units), zerosLike(candidate))), candidate];
    },
    write: ([own, candidate]) => [own, joined(zerosLike(columns(own, 0, 2 * units)), candidate)],
  };
}

/** Keras' order is update, reset, candidate; PyTorch's and ours reset, update, candidate. */
function gates(units: number): Layout {
  const swapped: Layout['read'] = (x) => {
    const whole = permuted(1, 0);
    const turned = x.shape.length === 2 ? whole.read(x) : x;
    const part = (i: number): ReturnType<Layout['read']> => slice(turned, i * units, (i + 1) * units);
    const result = joined(part(1), part(0), part(2));
    return x.shape.length === 2 ? whole.write(result) : result;
  };
  return { read: swapped, write: swapped };
}

function kerasGruBias(units: number): Part {
  const order = gates(units), split = gruBiases(units);
  return where('use_bias', {
    own: split.own, theirs: ['bias'],
    read: ([both]) => split.read([0, 1].map((i) => order.read(reshaped([1, 3 * units], [3 * units]).read(slice(both, i, i + 1))))),
    write: (own) => [joined(...split.write(own).map((half) => reshaped([1, 3 * units], [3 * units]).write(order.write(half!))))],
  });
}

/** Elements along the first axis. */
function slice(x: Parameters<Layout['read']>[0], start: number, end: number): ReturnType<Layout['read']> {
  const stride = x.shape.slice(1).reduce((a, b) => a * b, 1);
  return { dtype: x.dtype, shape: [end - start, ...x.shape.slice(1)], data: x.data.slice(start * stride, end * stride) };
}

function weightOf(parent: Module | undefined): Shape {
  const weight: unknown = parent && Reflect.get(parent, 'weight');
  return weight instanceof Param ? weight.shape : [];
}

/** PyTorch keeps one length for each unit in the weight's rank, units first. */
function lengths(weight: Shape): Layout {
  return {
    read: (x) => ({ ...x, shape: x.shape.slice(0, 1) }),
    write: (x) => ({ ...x, shape: x.shape.length === 0 ? [] : [x.shape[0], ...weight.slice(1).map(() => 1)] }),
  };
}

/** The right singular vector has the values of a unit in the order of the weight they belong to. */
function rightVector(place: Place): Layout {
  const weight = weightOf(place.parent);
  if (weight.length === 2) return unflattened(place.flattened, weight.slice(0, 1));
  const unit = place.parent instanceof ConvTranspose2d ? 1 : 0;
  const order = KERNEL.filter((axis) => axis !== unit);
  const own = KERNEL.flatMap((axis, i) => (axis === unit ? [] : [weight[i]]));
  const rest = [...order].sort((a, b) => a - b);
  const theirs = rest.map((axis) => weight[KERNEL.indexOf(axis as typeof KERNEL[number])]);
  const size = [own.reduce((a, b) => a * b, 1)];
  return chain(reshaped(size, theirs), permuted(...order.map((axis) => rest.indexOf(axis))), reshaped(own, size));
}

/**
 * PyTorch counts batches; we keep the count of a cumulative average, the sum of weights of a debiased one, and else nothing.
 * Checkpoints of version 1 have no count, which means 0, as PyTorch itself reads them.
 */
function batches({ settings }: Normalization): Part {
  const { average, debias, decay } = settings;
  const count = 'num_batches_tracked';
  if (average === 'cumulative') return { ...one('runningWeight', count), read: ([n]) => [{ ...n, shape: [] }], write: ([n]) => [scalar(n.data[0])], optional: true };
  if (!debias) return { own: [], theirs: [count], read: () => [], write: () => [], optional: true };
  return {
    own: ['runningWeight'], theirs: [count], optional: true,
    read: ([n]) => [{ dtype: 'f32', shape: [], data: Float32Array.of(1 - decay ** n.data[0]) }],
    // Beyond f32's digits the weight is 1 and the count is lost.
    write: ([{ data: [weight] }]) => [weight < 1 ? scalar(Math.max(0, Math.round(Math.log1p(-weight) / Math.log(decay)))) : undefined],
  };
}

/** PyTorch's state dicts: the same network's parameters and buffers under its names, in its layouts. */
import type { Module } from '../nn/index.ts';
import type { SavedTensor } from '../train/index.ts';
import { torchView } from './slots.ts';
import type { TorchNaming } from './slots.ts';
import { load, save } from './transfer.ts';
import type { LoadReport } from './transfer.ts';

/** Tensors by PyTorch's names. */
export type StateDict = ReadonlyMap<string, SavedTensor> | Readonly<Record<string, SavedTensor>>;

/** How a state dict is read. */
export interface LoadOptions extends TorchNaming {
  /** Refuse a state dict that lacks tensors of the model or has others; default true. Shapes must fit either way, as in PyTorch. */
  readonly strict?: boolean;
  /** What is loaded, for error texts; default 'state dict'. */
  readonly source?: string;
}

/**
 * Sets a model's parameters and buffers from a PyTorch state dict: all of them, or none where something does not fit. Layouts are
 * changed (linear [out, in], convolution [O, I, KH, KW], transposed [I, O, KH, KW]), names too (weight, bias, running_mean,
 * running_var); a missing num_batches_tracked means 0. Weights carry no epsilon and no momentum: give the layers PyTorch's.
 * @returns what had no counterpart; empty if strict
 * @throws E511 for other names, E512 for other shapes, E513 for values that would change; E320 before the model's sizes are known
 */
export function loadStateDict(model: Module, state: StateDict, options: LoadOptions = {}): LoadReport {
  const { strict = true, source = 'state dict' } = options;
  const { slots, stray } = torchView(model, options);
  return load(slots, currentNames(state instanceof Map ? state : new Map(Object.entries(state))), { source, strict, stray });
}

/**
 * A model's state as PyTorch's `load_state_dict` takes it: write it with `encodeSafetensors`, read it there with
 * `safetensors.torch.load_file`. num_batches_tracked is there where the layer counts its batches.
 * @throws E320 before the model's sizes are known
 */
export function stateDict(model: Module, options: TorchNaming = {}): Promise<Map<string, SavedTensor>> {
  return save(torchView(model, options).slots);
}

/** What weight_norm and spectral_norm were called before torch.nn.utils.parametrizations; each where `sign` stands beside. */
const OLD_NAMES = [
  { sign: 'weight_g', names: { weight_g: 'original0', weight_v: 'original1' } },
  { sign: 'weight_orig', names: { weight_orig: 'original', weight_u: '0._u', weight_v: '0._v' } },
] as const;

function currentNames(state: ReadonlyMap<string, SavedTensor>): Map<string, SavedTensor> {
  return new Map([...state].map(([name, tensor]) => [currentName(name, state), tensor]));
}

function currentName(name: string, state: ReadonlyMap<string, SavedTensor>): string {
  const prefix = name.slice(0, name.lastIndexOf('.') + 1), last = name.slice(prefix.length);
  for (const { sign, names } of OLD_NAMES) {
    const found = Object.entries(names).find(([old]) => old === last);
    if (found && state.has(prefix + sign)) return `${prefix}parametrizations.weight.${found[1]}`;
  }
  return name;
}

/** What importing refuses, in words: one function per code. */
import { Fault, formatShape } from '../base/index.ts';
import type { DType, Shape } from '../base/index.ts';

/** Shape and type of a tensor. */
export interface Kept { readonly dtype: DType; readonly shape: Shape }

const some = (names: readonly string[]): string => names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '');
const text = ({ dtype, shape }: Kept): string => `${dtype} ${formatShape(shape)}`;

export const faults = {
  /** E501: a file that is not there or may not be read. */
  unreadable(path: string, reason: string): Fault {
    return new Fault({ code: 'E501', op: path, rule: `the file cannot be read (${reason})`, hint: 'check the path' });
  },
  /** E511: other tensors than the model has. */
  names(source: string, missing: readonly string[], unused: readonly string[], hint = 'build the same layers, give other paths by { rename }, or take what fits with { strict: false }'): Fault {
    const detail = [...(missing.length > 0 ? [`the file lacks ${some(missing)}`] : []), ...(unused.length > 0 ? [`the model lacks ${some(unused)}`] : [])];
    return new Fault({ code: 'E511', op: source, rule: 'the file and the model must have the same tensors', detail, hint });
  },
  /** E512: a tensor of another shape. */
  shape(source: string, path: string, own: Kept, name: string, expected: Kept, got: Kept): Fault {
    return new Fault({ code: 'E512', op: source, rule: `"${name}" must have the shape that the model needs`, where: path,
      detail: [`model ${text(own)}, in the file ${formatShape(expected.shape)}   file ${text(got)}`], hint: 'build the layer with the sizes of the file' });
  },
  /** E513: a value that would change. */
  inexact(source: string, name: string, value: number | bigint, from: string, to: DType): Fault {
    return new Fault({ code: 'E513', op: source, rule: `"${name}" holds a value that ${to} cannot hold exactly`, detail: [`${value}, stored as ${from}`], hint: 'leave the tensor out of the file, or store it as float32' });
  },
  /** E513: a type of numbers that is none of ours. */
  dtype(source: string, name: string, got: string, known: readonly string[]): Fault {
    return new Fault({ code: 'E513', op: source, rule: `"${name}" has the type ${got}, which cannot be converted`, detail: [`known types: ${known.join(', ')}`], hint: 'convert it to float32 where the file was made' });
  },
  /** E514: a library that is not installed. */
  library(name: string, what: string, reason: string): Fault {
    return new Fault({ code: 'E514', op: 'importWeights', rule: `${what} are read with the package ${name}, which cannot be loaded`, detail: [reason], hint: `npm install ${name}` });
  },
  /** E515: a file of no known format. */
  format(source: string, got: string, hint = 'give a safetensors, .pt, .keras, .h5 file or the model.json of TensorFlow.js'): Fault {
    return new Fault({ code: 'E515', op: source, rule: 'this is no file of weights that can be read', detail: [got], hint });
  },
  /** E516: a file that is not whole. */
  damaged(source: string, what: string, reason: string): Fault {
    return new Fault({ code: 'E516', op: source, rule: `this is not a whole ${what}`, detail: [reason], hint: 'save or copy the file again' });
  },
  /** E517: a pickle that is more than tensors. */
  pickle(source: string, got: string): Fault {
    return new Fault({ code: 'E517', op: source, rule: 'a checkpoint may hold tensors, numbers, text, lists and dicts alone; nothing in it is run', detail: [got],
      hint: 'in PyTorch, torch.save(model.state_dict(), path) writes such a file' });
  },
  /** E518: a checkpoint without a state dict where it is looked for. */
  part(source: string, looked: string, keys: readonly string[]): Fault {
    return new Fault({ code: 'E518', op: source, rule: `there is no state dict ${looked}`, detail: [`the file has ${some(keys) || 'nothing'}`], hint: "say which it is, for example { part: 'ema' }" });
  },
  /** E519: Keras layers and ours that do not pair off. */
  layers(source: string, detail: string, hint: string): Fault {
    return new Fault({ code: 'E519', op: source, rule: "the model must have the layers of the file, those of one kind in the file's order", detail: [detail], hint });
  },
  /** E520: blobs of Caffe that are none of a batch normalization. */
  blobs(rule: string, detail: string, hint: string): Fault {
    return new Fault({ code: 'E520', op: 'importCaffeBatchNorm', rule, detail: [detail], hint });
  },
};

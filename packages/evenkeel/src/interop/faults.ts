/** What importing refuses, in words: one function per code. */
import { Fault, formatShape } from '../base/index.ts';
import type { DType, Shape } from '../base/index.ts';

/** Shape and type of a tensor. */
export interface Kept { readonly dtype: DType; readonly shape: Shape }

const some = (names: readonly string[]): string => names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '');
const text = ({ dtype, shape }: Kept): string => `${dtype} ${formatShape(shape)}`;

export const faults = {
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
};

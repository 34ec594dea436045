/** What a graph refuses, in words: one function per code, E201 to E219. */
import { Fault, formatShape } from '../base/index.ts';
import type { DType, Shape } from '../base/index.ts';
import type { Spec } from './node.ts';

/** Names operands the way the texts do: a, b, c ... */
export function operandName(position: number): string {
  return String.fromCharCode(97 + position);
}

/** `f32 [2, 3]`. */
export function formatSpec(spec: Spec): string {
  return `${spec.dtype} ${formatShape(spec.shape)}`;
}

export const faults = {
  /** E201: elementwise operands of unequal shape. */
  shapes(op: string, inputs: readonly Spec[]): Fault {
    const axis = inputs[0].shape.findIndex((extent, at) => inputs.some((s) => s.shape[at] !== extent));
    const detail = [operands(inputs)];
    const sameRank = inputs.every((s) => s.shape.length === inputs[0].shape.length);
    if (sameRank) detail.push(`axis ${axis}: ${inputs.map((s, at) => `${s.shape[axis]} (${operandName(at)})`).join(', ')}`);
    else detail.push(`ranks: ${inputs.map((s, at) => `${s.shape.length} (${operandName(at)})`).join(', ')}`);
    return new Fault({ code: 'E201', op, rule: 'operands must have one shape', detail,
      hint: 'reshape or broadcast the operands to one shape first' });
  },
  /** E202: an axis that the tensor does not have. */
  axis(op: string, shape: Shape, axis: number): Fault {
    return new Fault({ code: 'E202', op, rule: 'the axis must exist', detail: [`a ${formatShape(shape)}   axis ${axis}`],
      hint: shape.length === 0 ? 'a scalar has no axes; leave the axis out' : `give an axis from 0 to ${shape.length - 1}` });
  },
  /** E202: axes that are repeated or not in ascending order. */
  axes(op: string, shape: Shape, axes: readonly number[]): Fault {
    return new Fault({ code: 'E202', op, rule: 'axes must be distinct and ascending', detail: [`a ${formatShape(shape)}   axes ${formatShape(axes)}`],
      hint: `give axes ${formatShape([...new Set(axes)].sort((p, q) => p - q))}` });
  },
  /** E203: a reshape to another number of elements. */
  reshape(from: Shape, to: Shape, sizes: readonly [number, number]): Fault {
    return new Fault({ code: 'E203', op: 'reshape', rule: 'the number of elements must not change',
      detail: [`a ${formatShape(from)} holds ${sizes[0]}   ${formatShape(to)} holds ${sizes[1]}`],
      hint: `choose a shape of ${sizes[0]} elements` });
  },
  /** E204: a matrix product whose inner, or batch, axes differ. */
  dot(rule: string, inputs: readonly Spec[], clash: string, hint: string): Fault {
    return new Fault({ code: 'E204', op: 'dot', rule, detail: [operands(inputs), clash], hint });
  },
  /** E205: a broadcast that would stretch an axis which is not 1. */
  broadcast(from: Shape, to: Shape): Fault {
    const axis = from.findIndex((extent, at) => extent !== 1 && extent !== to[at]);
    const ranks = `rank ${from.length} != rank ${to.length}`;
    const clash = from.length !== to.length ? ranks : `axis ${axis}: ${from[axis]} is neither 1 nor ${to[axis]}`;
    return new Fault({ code: 'E205', op: 'broadcast', rule: 'only axes of extent 1 stretch',
      detail: [`a ${formatShape(from)}   to ${formatShape(to)}`, clash],
      hint: 'reshape a so that its axes of extent 1 stand where it should repeat' });
  },
  /** E206: a transpose order that is no permutation. */
  transpose(shape: Shape, order: readonly number[]): Fault {
    return new Fault({ code: 'E206', op: 'transpose', rule: 'the order must name every axis once',
      detail: [`a ${formatShape(shape)}   order ${formatShape(order)}`], hint: `permute ${formatShape(shape.map((_, axis) => axis))}` });
  },
  /** E207: a slice outside the tensor. */
  slice(shape: Shape, axis: number, range: readonly [number, number, number]): Fault {
    return new Fault({ code: 'E207', op: 'slice', rule: '0 <= start <= stop <= extent and step >= 1',
      detail: [`a ${formatShape(shape)}   axis ${axis}: start ${range[0]}, stop ${range[1]}, step ${range[2]}`],
      hint: `keep the slice of axis ${axis} within 0 and ${shape[axis]}` });
  },
  /** E208: an attribute list whose length is not the rank, or a negative padding. */
  perAxis(op: string, shape: Shape, name: string, values: readonly number[]): Fault {
    return new Fault({ code: 'E208', op, rule: `${name} must give one number per axis, none of them negative`,
      detail: [`a ${formatShape(shape)}   ${name} ${formatShape(values)}`], hint: `give ${shape.length} numbers of 0 or more` });
  },
  /** E209: concatenation of tensors that differ outside the axis. */
  concat(inputs: readonly Spec[], axis: number): Fault {
    return new Fault({ code: 'E209', op: 'concat', rule: `all axes but axis ${axis} must agree`,
      detail: [operands(inputs)], hint: `reshape or slice the operands so that only axis ${axis} differs` });
  },
  /** E210: operands of different dtypes. */
  mixed(op: string, inputs: readonly Spec[]): Fault {
    return new Fault({ code: 'E210', op, rule: 'operands must have one dtype',
      detail: [inputs.map((s, at) => `${operandName(at)} ${formatSpec(s)}`).join('   ')],
      hint: `cast one of them, for example ${operandName(1)}.cast('${inputs[0].dtype}')` });
  },
  /** E211: a dtype that the op does not take. */
  dtype(op: string, input: Spec, position: number, types: readonly DType[]): Fault {
    return new Fault({ code: 'E211', op, rule: `${operandName(position)} must be ${types.join(', ')}`,
      detail: [`${operandName(position)} ${formatSpec(input)}`], hint: `cast it first: ${operandName(position)}.cast('${types[0]}')` });
  },
  /** E212: a gather from no rows. */
  gather(x: Spec, indices: Spec): Fault {
    return new Fault({ code: 'E212', op: 'gather', rule: 'there must be rows to take from', detail: [operands([x, indices])],
      hint: 'give x a leading axis with at least one row' });
  },
  /** E213: sliding windows that cannot be. */
  windows(op: string, shape: Shape, rule: string, clash: string): Fault {
    return new Fault({ code: 'E213', op, rule, detail: [`a ${formatShape(shape)}`, clash],
      hint: 'choose another window, stride, dilation or padding' });
  },
  /** E214: data that does not fill its shape. */
  data(op: string, shape: Shape, got: number, size: number): Fault {
    return new Fault({ code: 'E214', op, rule: 'the data must fill the shape',
      detail: [`${formatShape(shape)} holds ${size}   got ${got} values`],
      hint: `give ${size} values, or another shape` });
  },
  /** E215: a gradient of something that is not one number. */
  gradientOf(y: Spec): Fault {
    return new Fault({ code: 'E215', op: 'grad', rule: 'the loss must be one f32 number', detail: [`loss ${formatSpec(y)}`],
      hint: y.dtype === 'f32' ? 'reduce it first, for example loss.mean()' : "cast it first: loss.cast('f32')" });
  },
  /** E216: a gradient with respect to something that is not f32. */
  gradientFor(x: Spec, position: number): Fault {
    return new Fault({ code: 'E216', op: 'grad', rule: 'gradients flow to f32 only', detail: [`tensor ${position}: ${formatSpec(x)}`],
      hint: 'ask for the gradient of an f32 tensor' });
  },
  /** E217: a cotangent of the wrong shape, number or dtype. */
  cotangent(op: string, name: string, expected: Spec, got: Spec): Fault {
    return new Fault({ code: 'E217', op, rule: `${name} must look like its value`,
      detail: [`value ${formatSpec(expected)}   gradient ${formatSpec(got)}`],
      hint: 'return one f32 gradient of the same shape for each differentiable input' });
  },
  /** E218: a reduction or result field that does not exist. */
  field(op: string, kind: string, got: string, known: readonly string[]): Fault {
    return new Fault({ code: 'E218', op, rule: `no such ${kind}`,
      detail: [`got ${got}   known ${known.join(', ')}`], hint: `choose one of ${known.join(', ')}` });
  },
  /** E219: the wrong number of operands. */
  arity(op: string, expected: string, got: number): Fault {
    return new Fault({ code: 'E219', op, rule: `takes ${expected}`, detail: [`got ${got}`], hint: `give it ${expected}` });
  },
};

function operands(inputs: readonly Spec[]): string {
  return inputs.map((s, at) => `${operandName(at)} ${formatShape(s.shape)}`).join('   ');
}

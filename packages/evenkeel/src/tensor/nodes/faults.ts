/** What tensor functions refuse, in words: one function per code. The ops' own refusals are in the graph's table. */
import { Fault, formatShape } from '../../base/index.ts';
import type { DType, Shape } from '../../base/index.ts';
import type { Node } from '../../graph/index.ts';
import { currentTrace } from '../../runtime/index.ts';

function fault(code: string, op: string, rule: string, detail: readonly string[], hint: string): Fault {
  return new Fault({ code, op, rule, detail, hint, where: currentTrace().where() });
}

function spec(x: Node): string {
  return `${x.dtype} ${formatShape(x.shape)}`;
}

export const faults = {
  /** E201: shapes that do not broadcast. */
  broadcast(op: string, a: Shape, b: Shape): Fault {
    const detail = [`a ${formatShape(a)}   b ${formatShape(b)}`];
    const rank = Math.max(a.length, b.length);
    for (let i = 1; i <= rank; i++) {
      const x = a[a.length - i] ?? 1;
      const y = b[b.length - i] ?? 1;
      if (x !== y && x !== 1 && y !== 1) detail.push(`${x} (a, axis ${a.length - i}) != ${y} (b, axis ${b.length - i})`);
    }
    const hint = 'reshape one of them so that equal axes line up, with 1 where it should repeat';
    return fault('E201', op, 'shapes must agree from the last axis on, or be 1', detail, hint);
  },
  /** E202: an axis that the tensor does not have. */
  axis(op: string, shape: Shape, axis: number): Fault {
    const hint = shape.length === 0 ? 'a scalar has no axes; leave the axis out' : `give an axis from ${-shape.length} to ${shape.length - 1}`;
    return fault('E202', op, 'the axis must exist', [`a ${formatShape(shape)}   axis ${axis}`], hint);
  },
  /** E202: an axis named twice. */
  axes(op: string, shape: Shape, axes: readonly number[]): Fault {
    return fault('E202', op, 'each axis may be named once', [`a ${formatShape(shape)}   axes ${formatShape(axes)}`], 'remove the repeated axis');
  },
  /** E203: a reshape to another number of elements. */
  reshape(from: Shape, to: Shape, size: number): Fault {
    return fault('E203', 'reshape', 'the number of elements must not change', [`a ${formatShape(from)} holds ${size}   to ${formatShape(to)}`],
      `choose axes whose product is ${size}; one of them may be -1`);
  },
  /** E204: inner axes of a product differ. */
  matmul(a: Shape, b: Shape): Fault {
    const k = b.length === 1 ? 0 : b.length - 2;
    const clash = `${a.at(-1)} (a, axis ${a.length - 1}) != ${b[k]} (b, axis ${k})`;
    return fault('E204', 'matmul', 'inner axes must agree', [`a ${formatShape(a)}   b ${formatShape(b)}`, clash],
      'transpose one of them, or make the last axis of a as long as the rows of b');
  },
  /** E204: a product of a scalar. */
  matmulRank(a: Shape, b: Shape): Fault {
    return fault('E204', 'matmul', 'both operands need at least one axis', [`a ${formatShape(a)}   b ${formatShape(b)}`], 'use mul for a scalar');
  },
  /** E208: an attribute list of the wrong length. */
  perAxis(op: string, shape: Shape, name: string, got: number, expected = shape.length): Fault {
    return fault('E208', op, `${name} must give one entry per axis`, [`a ${formatShape(shape)}   ${name} has ${got}`], `give ${expected}`);
  },
  /** E210: operands of different dtypes. */
  mixed(op: string, a: Node, b: Node): Fault {
    return fault('E210', op, 'operands must have one dtype', [`a ${spec(a)}   b ${spec(b)}`], `cast one of them, for example b.cast('${a.dtype}')`);
  },
  /** E210: a fraction with an integer tensor. */
  fraction(op: string, value: number, dtype: DType): Fault {
    return fault('E210', op, `${value} is not a value of ${dtype}`, [], "cast the tensor first: x.cast('f32')");
  },
  /** E211: a dtype that the function does not take. */
  dtype(op: string, x: Node, types: readonly DType[]): Fault {
    return fault('E211', op, `x must be ${types.join(', ')}`, [`x ${spec(x)}`], `cast it first: x.cast('${types[0]}')`);
  },
  /** E220: a convolution whose operands do not fit. */
  convolution(op: string, rule: string, x: Shape, w: Shape, hint: string): Fault {
    return fault('E220', op, rule, [`x ${formatShape(x)}   w ${formatShape(w)}`], hint);
  },
  /** E221: a window that does not fit into its input. */
  window(op: string, x: Shape, axis: number, reach: number, padded: number): Fault {
    const detail = [`x ${formatShape(x)}   axis ${axis}: window reaches ${reach}, padded input has ${padded}`];
    return fault('E221', op, 'the window must fit into the padded input', detail,
      "use a smaller window or dilation, or padding: 'same'");
  },
  /** E222: an option out of range. */
  option(op: string, name: string, rule: string, got: unknown, hint: string): Fault {
    return fault('E222', op, `${name} ${rule}`, [`got ${JSON.stringify(got)}`], hint);
  },
  /** E223: labels that do not fit the logits. */
  labels(op: string, logits: Node, labels: Node): Fault {
    return fault('E223', op, 'labels must be i32 class numbers, one for each row of logits, or f32 probabilities of the same shape',
      [`logits ${spec(logits)}   labels ${spec(labels)}`], 'give labels the shape of logits without its last axis, and cast them to i32');
  },
  /** E224: an affine operand or statistic that does not fit x. */
  statistic(op: string, name: string, x: Shape, got: Shape, expected: Shape): Fault {
    return fault('E224', op, `${name} must have one value for each one normalized`, [`x ${formatShape(x)}   ${name} ${formatShape(got)}`],
      `give ${name} the shape ${formatShape(expected)}`);
  },
};

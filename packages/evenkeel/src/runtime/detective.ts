/** Debug mode: every node is computed on its own, and the first to make NaN or infinity out of finite inputs is named. */
import { Fault, InternalError } from '../base/index.ts';
import { topological } from '../graph/index.ts';
import type { Dense, Node } from '../graph/index.ts';

/** Values of the nodes that a graph starts from. */
export interface Binding {
  input(slot: number): Dense;
  ref(ref: object): Dense;
}

/**
 * Evaluates like the oracle, but rounds every f32 result, so that what would overflow in a real step overflows here.
 * @throws E610 naming the op, its place in the model and the ranges of its inputs
 */
export function investigate(roots: readonly Node[], bind: Binding): Dense[] {
  const values = new Map<Node, Dense>();
  for (const node of topological(roots)) {
    const inputs = node.inputs.map((n) => values.get(n)!);
    const value = rounded(node, valueOf(node, inputs, bind));
    if (suspicious(node)) accuse(node, inputs, value);
    values.set(node, value);
  }
  return roots.map((n) => values.get(n)!);
}

function valueOf(node: Node, inputs: readonly Dense[], bind: Binding): Dense {
  if (node.op.name === 'input') return bind.input((node.attrs as { readonly slot: number }).slot);
  if (node.op.name === 'ref') return bind.ref((node.attrs as { readonly ref: object }).ref);
  return node.op.reference(node, inputs);
}

function rounded(node: Node, value: Dense): Dense {
  return node.dtype === 'f32' ? { shape: value.shape, data: Float64Array.from(value.data, Math.fround) } : value;
}

/** Views and constants only pass on what they are given. */
function suspicious(node: Node): boolean {
  return node.dtype === 'f32' && (node.op.kind === 'map' || node.op.kind === 'reduce' || node.op.kind === 'contract');
}

function accuse(node: Node, inputs: readonly Dense[], value: Dense): void {
  const at = value.data.findIndex((x) => !Number.isFinite(x));
  if (at < 0 || inputs.some((input) => input.data.some((x) => !Number.isFinite(x)))) return;
  const ranges = inputs.map((input, i) => `input ${i} [${input.shape.join(', ')}] is in ${range(input)}`);
  throw new Fault({
    code: 'E610', op: nameOf(node), rule: `finite inputs gave ${value.data[at]} (element ${at} of [${value.shape.join(', ')}])`,
    detail: ranges, where: node.where, hint: hintFor(node.op.name),
  });
}

/** A reduction is known by its monoid: sum, max, moments and so on. */
function nameOf(node: Node): string {
  return node.op.kind === 'reduce' ? (node.attrs as { readonly monoid: string }).monoid : node.op.name;
}

function range({ data }: Dense): string {
  if (data.length === 0) throw new InternalError('a value came out of an empty tensor');
  let low = Infinity;
  let high = -Infinity;
  for (const x of data) {
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  return low === high ? short(low) : `${short(low)} .. ${short(high)}`;
}

/** As many digits as f32 is good for. */
function short(x: number): string {
  return `${Number(x.toPrecision(6))}`;
}

function hintFor(op: string): string {
  switch (op) {
    case 'log': case 'log1p': return 'keep the argument above zero, for example with an epsilon or clip';
    case 'sqrt': return 'the argument went below zero; take relu of it, or add an epsilon';
    case 'div': return 'the divisor reached zero; add an epsilon to it';
    case 'exp': case 'expm1': case 'pow': return 'the argument is too large for f32; use a stable form such as logSoftmax or logSumExp';
    default: return 'values grew out of range: lower the rate, clip the gradients or normalize the activations';
  }
}

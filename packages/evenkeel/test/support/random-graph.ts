/** Random programs: graphs over all ops whose values stay tame, gradients of them, and refs that are updated. */
import { allocate, sizeOf } from '../../src/base/index.ts';
import type { DType, TypedArray } from '../../src/base/index.ts';
import { build, grad, topological } from '../../src/graph/index.ts';
import type { Assign, Node, RefSlot } from '../../src/graph/index.ts';
import { Garden } from './garden.ts';
import { growOne } from './random-ops.ts';
import type { Case } from './program-case.ts';

export interface RandomOptions {
  /** Nodes to grow beside the inputs. Default 3 to 25. */
  readonly nodes?: number;
  /** Elements of a tensor at most. Default 400, now and then 20,000. */
  readonly limit?: number;
}

/** The program of a seed: always the same. */
export function randomCase(seed: number, options: RandomOptions = {}): Case {
  const limit = options.limit ?? 400;
  const garden = new Garden(seed, limit);
  const { rng } = garden;
  const inputs = Array.from({ length: 1 + rng.below(3) }, (_, slot) => addInput(garden, slot));
  const step = addStep(garden, inputs);
  const slots = Array.from({ length: rng.below(4) }, (_, i) => addRef(garden, i));
  const count = options.nodes ?? 3 + rng.below(23);
  for (let i = 0; i < count; i++) growOne(garden, step);
  const outputs = chooseOutputs(garden);
  outputs.push(...gradients(garden, [...inputs, ...slots.map((s) => garden.refNode(s))]));
  const assigns = slots.flatMap((slot) => assignTo(garden, slot, slots));
  return {
    program: { inputs, outputs, assigns },
    inputs: inputs.map((node) => stored(node.dtype, garden.valueOf(node).data)),
    refs: new Map(slots.map((slot) => [slot, stored(slot.dtype, garden.valueOf(garden.refNode(slot)).data)])),
  };
}

function stored(dtype: DType, data: Float64Array): TypedArray {
  const out = allocate(dtype, data.length);
  out.set(data);
  return out;
}

function addInput(garden: Garden, slot: number): Node {
  const dtype = garden.pick<DType>(['f32', 'f32', 'f32', 'i32', 'u32', 'bool']);
  const node = build.input(slot, garden.shape(), slot === 0 ? 'f32' : dtype);
  garden.know(node, garden.values(node));
  return node;
}

/** A scalar input that random draws count by. */
function addStep(garden: Garden, inputs: Node[]): Node {
  const node = build.input(inputs.length, [], 'u32');
  inputs.push(node);
  garden.know(node, Float64Array.of(garden.rng.below(1000)));
  return node;
}

function addRef(garden: Garden, i: number): RefSlot {
  const known = garden.refs.at(-1);
  const shape = known && garden.chance(0.5) ? known.shape : garden.shape();
  const slot: RefSlot = { name: `ref${i}`, shape, dtype: garden.pick<DType>(['f32', 'f32', 'f32', 'f32', 'i32']) };
  garden.refs.push(slot);
  const node = garden.refNode(slot);
  garden.know(node, garden.values(node));
  return slot;
}

function chooseOutputs(garden: Garden): Node[] {
  const used = new Set(garden.nodes.flatMap((node) => node.inputs));
  const ends = garden.nodes.filter((node) => !used.has(node) && node.op.name !== 'input' && node.op.name !== 'ref');
  const wanted = ends.filter(() => garden.chance(0.7));
  for (let i = garden.rng.below(3); i >= 0; i--) wanted.push(garden.pick(garden.nodes));
  return [...new Set(wanted)];
}

/** Gradients of a scalar of the graph, where they are finite. */
function gradients(garden: Garden, leaves: readonly Node[]): Node[] {
  const floats = garden.nodes.filter((node) => node.dtype === 'f32' && node.inputs.length > 0);
  if (floats.length === 0 || garden.chance(0.4)) return [];
  const parts = [garden.pick(floats), garden.pick(floats)].map((node) => build.reduce(build.mul(node, garden.weights(node.shape)), 'sum', 'value', node.shape.map((_, axis) => axis)));
  const y = parts.reduce(build.add);
  const below = new Set(topological([y]));
  const wrt = [...leaves.filter((node) => node.dtype === 'f32'), garden.pick(floats)].filter((node) => below.has(node));
  return grad(y, [...new Set(wrt)]).filter((g) => garden.admit(g));
}

/** New values: fresh ones, another ref's, its own moved about. */
function assignTo(garden: Garden, slot: RefSlot, slots: readonly RefSlot[]): Assign[] {
  if (garden.chance(0.2)) return [];
  const ref = garden.refNode(slot);
  const alike = slots.map((s) => garden.refNode(s)).filter((node) => node.dtype === slot.dtype);
  const value = garden.chance(0.35) ? moved(garden, garden.conform(garden.pick(alike), slot.shape))
    : garden.conform(garden.pick(garden.nodes.filter((node) => node.dtype === slot.dtype)), slot.shape);
  const mixed = garden.chance(0.4) ? build.add(value, ref) : value;
  return garden.admit(mixed) ? [{ ref, value: mixed }] : [];
}

function moved(garden: Garden, x: Node): Node {
  const axes = x.shape.map((_, axis) => axis);
  switch (garden.rng.below(4)) {
    case 0: return build.flip(x, axes.filter(() => garden.chance(0.5)));
    case 1: return build.reshape(build.transpose(x, axes.toReversed()), x.shape);
    case 2: return build.reshape(build.reshape(x, [sizeOf(x.shape)]), x.shape);
    default: return x;
  }
}

/** The graph as text, one node a line. */
export function describeCase({ program }: Case): string {
  const roots = [...program.outputs, ...program.assigns.map((a) => a.value)];
  const nodes = topological([...program.inputs, ...roots, ...program.assigns.map((a) => a.ref)]);
  const names = new Map(nodes.map((node, i) => [node, `n${i}`]));
  const lines = nodes.map((node) => {
    const attrs = JSON.stringify(node.attrs, (key, value: unknown) => (key === 'data' ? '...' : value));
    return `${names.get(node)} = ${node.op.name}(${node.inputs.map((x) => names.get(x)).join(', ')}) ${node.dtype}[${node.shape}]${attrs === '{}' ? '' : ` ${attrs}`}`;
  });
  lines.push(`outputs ${program.outputs.map((node) => names.get(node)).join(', ')}`);
  for (const { ref, value } of program.assigns) lines.push(`${names.get(ref)} := ${names.get(value)}`);
  return lines.join('\n');
}


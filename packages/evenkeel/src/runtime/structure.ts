/**
 * The structure of a graph: what decides the plan. In eager code constants, numbers, and values that were computed before, are
 * leaves without data; two graphs of equal structure run by one plan with other leaves.
 */
import { sizeOf } from '../base/index.ts';
import type { TypedArray } from '../base/index.ts';
import { build, make, ops } from '../graph/index.ts';
import type { Assign, Node, Program } from '../graph/index.ts';

export interface Structure {
  readonly hash: number;
  /** One word after another; equal keys mean equal structures. */
  readonly key: readonly number[];
  /** Nodes whose values are fed. */
  readonly leaves: readonly Node[];
  /** The refs and step inputs that the graph reads. */
  readonly sources: readonly Node[];
}

/** Numbers for names and attributes, the same for the life of a cache. */
export class Interner {
  private readonly words = new Map<unknown, number>();
  private readonly objects = new WeakMap<object, number>();
  private count = 0;

  /** Names and attributes that it keeps. */
  get size(): number {
    return this.words.size;
  }

  word(text: string): number {
    let id = this.words.get(text);
    if (id === undefined) this.words.set(text, (id = this.count++));
    return id;
  }

  object(value: object): number {
    let id = this.objects.get(value);
    if (id === undefined) this.objects.set(value, (id = this.count++));
    return id;
  }
}

/** @param known a value that is fed instead of being computed, if there is one; a constant that is not fed counts with its data */
export function structureOf(roots: readonly Node[], known: (n: Node) => TypedArray | undefined, interner: Interner): Structure {
  const ids = new Map<Node, number>();
  const key: number[] = [];
  const leaves: Node[] = [];
  const sources: Node[] = [];
  for (const node of cutTopological(roots, known)) {
    ids.set(node, ids.size);
    if (isLeaf(node, known)) {
      leaves.push(node);
      key.push(isNumber(node) ? -3 : -1, interner.word(`${node.dtype}${node.shape.join(',')}`));
    } else {
      if (node.op.name === 'ref' || node.op.name === 'input') sources.push(node);
      key.push(interner.word(node.op.name), attrsWord(node, interner), node.inputs.length);
      for (const input of node.inputs) key.push(ids.get(input)!);
    }
  }
  key.push(-2, ...roots.map((n) => ids.get(n)!));
  let hash = 0x811c9dc5;
  for (const word of key) hash = Math.imul(hash ^ word, 0x01000193);
  return { hash, key, leaves, sources };
}

function isLeaf(node: Node, known: (n: Node) => TypedArray | undefined): boolean {
  return known(node) !== undefined;
}

/** A number that eager code computes with, which a plan can take as a scalar. Integers may be indices and distances, which plans know. */
export function isNumber(node: Node): boolean {
  return node.op.name === 'full' && node.dtype === 'f32' && sizeOf(node.shape) > 0;
}

function attrsWord(node: Node, interner: Interner): number {
  if (node.op.kind === 'wrap') return 0;
  if (node.op.name === 'ref') return interner.object((node.attrs as { readonly ref: object }).ref);
  if (node.op.key) return interner.word(node.op.key(node.attrs));
  return interner.word(JSON.stringify(node.attrs, (_key, value: unknown) => {
    if (typeof value !== 'number') return value;
    return Number.isFinite(value) && !Object.is(value, -0) ? value : `#${Object.is(value, -0) ? '-0' : value}`;
  }));
}

/** Topological order that does not look behind leaves. */
function cutTopological(roots: readonly Node[], known: (n: Node) => TypedArray | undefined): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { readonly node: Node; next: number }[] = [];
  const push = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: isLeaf(node, known) ? Infinity : 0 });
  };
  for (const root of roots) {
    push(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next < top.node.inputs.length) push(top.node.inputs[top.next++]);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}

/** The program in which every leaf is an input, slots in the order of `structure.leaves`. */
export function programOf(structure: Structure, outputs: readonly Node[], assigns: readonly Assign[]): Program {
  const replaced = new Map<Node, Node>();
  const inputs = structure.leaves.map((leaf, slot) => {
    const input: Node = make(ops.input, [], { slot, shape: isNumber(leaf) ? [] : leaf.shape, dtype: leaf.dtype }, leaf.where);
    replaced.set(leaf, isNumber(leaf) ? build.broadcastTo(build.reshape(input, leaf.shape.map(() => 1)), leaf.shape) : input);
    return input;
  });
  const leaves = new Set(structure.leaves);
  for (const node of cutTopological([...outputs, ...assigns.flatMap((a) => [a.ref, a.value])], (n) => (leaves.has(n) ? NOTHING : undefined))) {
    if (replaced.has(node)) continue;
    const same = node.inputs.every((n) => replaced.get(n) === n);
    replaced.set(node, same ? node : { ...node, inputs: node.inputs.map((n) => replaced.get(n)!) });
  }
  const at = (n: Node): Node => replaced.get(n)!;
  return { inputs, outputs: outputs.map(at), assigns: assigns.map((a) => ({ ref: at(a.ref), value: at(a.value) })) };
}

const NOTHING: TypedArray = new Float32Array(0);

export function sameKey(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}

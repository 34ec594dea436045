/** Computes lazy values: one run for all that are asked for, by a plan that is kept for graphs of the same structure. */
import { Fault, InternalError } from '../base/index.ts';
import type { TypedArray } from '../base/index.ts';
import type { Assign, Node } from '../graph/index.ts';
import type { Feed } from './feed.ts';
import { generation, prepare } from './runner.ts';
import type { Runner } from './runner.ts';
import { queue } from './state.ts';
import { Interner, isNumber, programOf, sameKey, structureOf } from './structure.ts';
import type { Structure } from './structure.ts';
import { checkFresh, eagerTrace, takeEagerAssigns } from './trace.ts';
import type { Variable } from './variable.ts';

/** Plans of eager code that are kept, and the bytes of device memory that they may hold together. */
const CACHE_SIZE = 32;
const CACHE_BYTES = 256 * 2 ** 20;
/** Words that are interned before all is forgotten: every shape that eager code computes with is one. */
const MOST_WORDS = 10_000;

interface Cached { readonly hash: number; readonly key: readonly number[]; readonly runner: Runner; readonly generation: unknown }

const cache: Cached[] = [];
let interner = new Interner();
const values = new WeakMap<Node, TypedArray>();

/** The value of a node, if it is a constant or was computed before. */
export function knownValue(node: Node): TypedArray | undefined {
  return node.op.name === 'constant' ? (node.attrs as { readonly data: TypedArray }).data : values.get(node);
}

/**
 * Values of the nodes, row-major. What eager code has assigned to refs is committed by the same run.
 * @throws E403 for a node built on an overwritten ref; E404 for one that belongs to a compiled step
 */
export async function realize(nodes: readonly Node[]): Promise<TypedArray[]> {
  const pending = eagerTrace().assigns.size > 0;
  if (!pending && nodes.every((n) => knownValue(n) !== undefined)) return nodes.map((n) => knownValue(n)!);
  const assigned = takeEagerAssigns();
  const assigns = [...assigned].map(([variable, value]) => ({ ref: eagerTrace().before(variable), value }));
  for (const variable of assigned.keys()) variable.version++;
  const results = await queue.add(() => run(nodes, assigns));
  nodes.forEach((node, i) => values.set(node, results[i]));
  return results;
}

/** Commits what eager code has assigned. */
export async function flushEager(): Promise<void> {
  if (eagerTrace().assigns.size > 0) await realize([]);
}

function checkSource(node: Node): void {
  if (node.op.name === 'ref') checkFresh(node);
  if (node.op.name !== 'input') return;
  throw new Fault({
    code: 'E404', op: 'data', rule: 'this tensor has a value only inside the compiled step that made it',
    where: node.where, hint: 'return it from the step, or compute it outside the step',
  });
}

/** Plans are found by the interner's numbers, so both go together. */
function forgetWords(): void {
  if (interner.size < MOST_WORDS) return;
  interner = new Interner();
  for (const { runner } of cache.splice(0)) runner.dispose();
}

/** Tensors built on a ref's old value stay readable after eager code has replaced it: the old value is kept for them. */
async function run(nodes: readonly Node[], assigns: readonly Assign[]): Promise<TypedArray[]> {
  forgetWords();
  const structure = structureOf([...nodes, ...assigns.flatMap((a) => [a.ref, a.value])], fedValue, interner);
  const replaced = new Set(assigns.map((a) => a.ref));
  for (const node of structure.sources) if (!replaced.has(node)) checkSource(node);
  for (const { ref } of assigns) values.set(ref, (ref.attrs as { readonly ref: Variable }).ref.peek().slice());
  const runner = await runnerFor(structure, nodes, assigns);
  return runner.run(structure.leaves.map(feedOf));
}

/** What a plan is fed with instead of computing it. */
function fedValue(node: Node): TypedArray | undefined {
  return isNumber(node) ? Float64Array.of((node.attrs as { readonly value: number }).value) : knownValue(node);
}

function feedOf(leaf: Node): Feed {
  const data = fedValue(leaf);
  if (!data) throw new InternalError(`a leaf of kind ${leaf.op.name} has no value`);
  return { data, shape: isNumber(leaf) ? [] : leaf.shape, dtype: leaf.dtype };
}

async function runnerFor(structure: Structure, nodes: readonly Node[], assigns: readonly Assign[]): Promise<Runner> {
  const found = cache.findIndex((c) => c.hash === structure.hash && sameKey(c.key, structure.key));
  const known = found < 0 ? undefined : cache.splice(found, 1)[0];
  if (known && known.generation === generation()) {
    cache.push(known);
    return known.runner;
  }
  const runner = await prepare(programOf(structure, nodes, assigns), false);
  cache.push({ hash: structure.hash, key: structure.key, runner, generation: generation() });
  trim();
  return runner;
}

/** Forgets the plans used longest ago, but never the last one. */
function trim(): void {
  let bytes = cache.reduce((sum, c) => sum + (c.runner.plan?.arenaBytes ?? 0), 0);
  while (cache.length > 1 && (cache.length > CACHE_SIZE || bytes > CACHE_BYTES)) {
    const oldest = cache.shift()!;
    bytes -= oldest.runner.plan?.arenaBytes ?? 0;
    oldest.runner.dispose();
  }
}

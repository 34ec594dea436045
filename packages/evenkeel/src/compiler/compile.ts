/** The compiler: a program in, a plan out. Pure: no I/O, no globals. */
import type { Program } from '../graph/index.ts';
import { placeBuffers } from './arena.ts';
import { groupTasks } from './group.ts';
import type { Tile } from './nest.ts';
import type { Buffer, Plan } from './plan.ts';
import { visit } from './rewrite.ts';
import { readInsidePaddings } from './padding.ts';
import { schedule } from './schedule.ts';
import { chooseStorage, throughReshapes } from './storage.ts';
import { makeTasks, taskExpressions } from './task.ts';
import type { Tasks } from './task.ts';
import { verify } from './verify.ts';
import { simplify } from './vertex.ts';
import type { Simplified } from './vertex.ts';

export interface CompileOptions {
  /** The register tile of matrix products that suits the backend. Default 6 rows x 2 vectors of 4 lanes. */
  readonly tile?: Tile;
}

/** Fits 16 vector registers: 12 sums, 2 vectors of b, 1 of a. */
export const DEFAULT_TILE: Tile = { rows: 6, vectors: 2, lanes: 4 };

/** @throws InternalError where the verifier finds the result unsound */
export function plan(program: Program, options: CompileOptions = {}): Plan {
  const graph = readInsidePaddings(simplify(program));
  const all = makeTasks(graph, chooseStorage(graph));
  const outputs = outputBuffers(graph, all);
  const outputSet = new Set(outputs);
  for (const b of outputSet) if (b.kind === 'temp') Object.assign(b, { kind: 'output' });
  const groups = groupTasks(all);
  const made = schedule(groups, all, outputSet, options.tile ?? DEFAULT_TILE);
  markBounds(all);
  const buffers = [...all.buffers.filter((b) => !made.elided.has(b)), ...made.extra];
  const { bytes, lifetimes } = placeBuffers(buffers, made.kernels);
  const result: Plan = {
    buffers, inputs: graph.inputs.map((v) => all.bufferOf.get(v)!), outputs, refs: buffers.filter((b) => b.kind === 'ref'), kernels: made.kernels, arenaBytes: bytes,
  };
  verify(result, lifetimes);
  return result;
}

/** A reshape of a buffer is that buffer; the reader knows the shape it asked for. */
function outputBuffers(graph: Simplified, all: Tasks): Buffer[] {
  return graph.outputs.map((v) => all.bufferOf.get(v) ?? all.bufferOf.get(throughReshapes(v))!);
}

/** An input that is used as an index as it is must hold valid ones: the tightest extent it indexes is its bound. */
function markBounds(all: Tasks): void {
  for (const task of all.tasks) {
    visit(taskExpressions(task, all.lowering), (e) => {
      if (e.kind !== 'load' && e.kind !== 'index') return;
      for (const { atom } of e.ix.terms) {
        if (atom.kind !== 'data' || atom.value.kind !== 'load') continue;
        const buffer = atom.value.source as Buffer;
        if (buffer.kind === 'input') buffer.bound = Math.min(atom.size, buffer.bound ?? Infinity);
      }
    });
  }
}

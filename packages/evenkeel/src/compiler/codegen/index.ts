/** Writes a plan as a vector program: a function for each nest, and `run(thread, threads)` which goes through the kernels. */
import type { Source } from '../../scalar/index.ts';
import type { Nest } from '../nest.ts';
import type { Buffer, Plan } from '../plan.ts';
import { Builder } from '../vector/index.ts';
import type { Value, VectorFunction, VectorProgram } from '../vector/index.ts';
import { ContractEmitter, contractFunctions, contractScratch, contractUnits } from './contract.ts';
import { Emitter } from './emitter.ts';
import { emitFinish } from './finish.ts';
import { emitMap, mapUnits } from './map.ts';
import { emitPack, packUnits } from './pack.ts';
import { emitReduce, reduceUnits } from './reduce.ts';
import { emitWalk, walkUnits } from './walk.ts';

export interface Addresses {
  /** Byte address of a buffer. */
  readonly of: (b: Buffer) => number;
  /** Byte address of the first thread's scratch; thread t has scratch + t * scratchBytesOf(plan). */
  readonly scratch: number;
}

/** Bytes of private scratch that each thread needs for a plan's kernels. */
export function scratchBytesOf(plan: Plan): number {
  const nests = plan.kernels.flatMap((k) => k.phases.flat());
  return Math.max(64, ...nests.map((n) => (n.kind === 'contract' ? contractScratch(n).bytes : 0)));
}

export function kernelProgram(plan: Plan, addresses: Addresses, lanes = 4): VectorProgram {
  const functions: VectorFunction[] = [];
  const run = new Builder('run', 2, lanes);
  const [thread, threads] = [run.param(0), run.param(1)];
  const scratch = run.let(run.scalar('add', run.scalar('mul', thread, scratchBytesOf(plan)), addresses.scratch));
  plan.kernels.forEach((kernel, k) => kernel.phases.forEach((phase, p) => {
    phase.forEach((nest, n) => {
      const name = `k${k}_${p}_${n}`;
      functions.push(...nestFunctions(name, nest, addresses, lanes));
      const units = unitsOf(nest);
      const at = units < 64 ? run.let(run.scalar('remS', run.scalar('add', thread, n), threads)) : thread;
      const begin = run.let(run.scalar('divS', run.scalar('mul', at, units), threads));
      const end = run.let(run.scalar('divS', run.scalar('mul', run.scalar('add', at, 1), units), threads));
      run.when(run.scalar('ltS', begin, end), () => run.call(name, begin, end, scratch));
    });
    run.barrier();
  }));
  return { lanes, functions: [...functions, run.finish()] };
}

/** The independent pieces of a nest. */
export function unitsOf(nest: Nest): number {
  switch (nest.kind) {
    case 'map': return mapUnits(nest.vars);
    case 'reduce': return reduceUnits(nest);
    case 'finish': return mapUnits(nest.vars);
    case 'walk': return walkUnits(nest);
    case 'contract': return contractUnits(nest);
    case 'pack': return packUnits(nest);
    default: return nest satisfies never;
  }
}

function nestFunctions(name: string, nest: Nest, addresses: Addresses, lanes: number): VectorFunction[] {
  const b = new Builder(name, 3, lanes);
  const e = new Emitter(b, (s: Source) => ({ offset: addresses.of(s as Buffer) }));
  const [begin, end, scratch] = [b.param(0), b.param(1), b.param(2)];
  const inner = nest.kind === 'contract' ? contractFunctions(name, nest) : [];
  emitNest(e, name, nest, { begin, end, scratch }, addresses);
  return [...inner, b.finish()];
}

function emitNest(e: Emitter, name: string, nest: Nest, at: { begin: Value; end: Value; scratch: Value }, addresses: Addresses): void {
  switch (nest.kind) {
    case 'map': return emitMap(e, nest, at.begin, at.end);
    case 'reduce': return emitReduce(e, nest, at.begin, at.end);
    case 'finish': return emitFinish(e, nest, at.begin, at.end);
    case 'walk': return emitWalk(e, nest, at.begin, at.end);
    case 'contract': return new ContractEmitter(e, name, nest, at.scratch, (s) => addresses.of(s as Buffer)).emit(at.begin, at.end);
    case 'pack': return emitPack(e, nest, at.begin, at.end);
    default: nest satisfies never;
  }
}


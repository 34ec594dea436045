/** A program with the values it runs on, and the ways to run it: the oracle, kernels in this process, a device. */
import { allocate, sizeOf } from '../../src/base/index.ts';
import type { DType, TypedArray } from '../../src/base/index.ts';
import type { Device } from '../../src/backends/index.ts';
import { compileModule, link, pairsVectors } from '../../src/backends/wasm/compile-module.ts';
import { emitProgram } from '../../src/backends/wasm/emit.ts';
import { kernelProgram, plan, scratchBytesOf, unitsOf } from '../../src/compiler/index.ts';
import type { Buffer, Plan, Tile } from '../../src/compiler/index.ts';
import { dense, evaluate } from '../../src/graph/index.ts';
import type { Dense, Node, Program, RefSlot, Visit } from '../../src/graph/index.ts';

export interface Case {
  readonly program: Program;
  /** Values of the inputs, in slot order. */
  readonly inputs: readonly TypedArray[];
  readonly refs: ReadonlyMap<object, TypedArray>;
}

/** What a run leaves behind: outputs in order, then the new value of every assigned ref, in order. */
export type Results = readonly TypedArray[];

/** The nodes whose values `Results` holds. */
export function rootsOf(program: Program): Node[] {
  return [...program.outputs, ...program.assigns.map((a) => a.value)];
}

/** The oracle's results; `move` may replace the values that inputs and refs start with. */
export function evaluateCase(of: Case, visit?: Visit, move: (x: Dense, dtype: DType) => Dense = (x) => x): Dense[] {
  const start = new Map<object | number, Dense>();
  const once = (key: object | number, dtype: DType, make: () => Dense): Dense => {
    if (!start.has(key)) start.set(key, move(make(), dtype));
    return start.get(key)!;
  };
  const input = (slot: number): Dense => {
    const { shape, dtype } = of.program.inputs[slot];
    return once(slot, dtype, () => dense(shape, of.inputs[slot]));
  };
  const ref = (slot: RefSlot): Dense => once(slot, slot.dtype, () => dense(slot.shape, of.refs.get(slot)!));
  return evaluate(rootsOf(of.program), { input, ref }, visit);
}

/** Runs on a device; refs get storage for the time of the run. `steps` runs follow each other, each on the refs the last one left. */
export async function runOnDevice(device: Device, of: Case, steps = 1): Promise<Results[]> {
  const compiled = plan(of.program, { tile: device.tile });
  const addresses = new Map<object, number>();
  for (const [ref, data] of of.refs) {
    addresses.set(ref, device.allocate(4 * data.length));
    device.write(addresses.get(ref)!, data);
  }
  const executable = await device.load(compiled, (ref) => addresses.get(ref)!);
  compiled.inputs.forEach((buffer, slot) => executable.write(buffer, of.inputs[slot]));
  const results: Results[] = [];
  for (let step = 0; step < steps; step++) {
    await executable.run();
    const renewed = of.program.assigns.map(({ ref: { attrs, dtype, shape } }) => device.read(addresses.get((attrs as { ref: object }).ref)!, dtype, sizeOf(shape)));
    results.push([...compiled.outputs.map((buffer) => executable.read(buffer)), ...renewed]);
  }
  executable.dispose();
  for (const address of addresses.values()) device.release(address);
  return results;
}

export interface InProcessOptions {
  /** The kernels' units are shared out as for this many threads, the last thread first. Default 1. */
  readonly threads?: number;
  readonly tile?: Tile;
  readonly steps?: number;
}

/**
 * Runs kernels in this process, one nest after another. Memory that nothing has written holds NaN, and what a run must leave alone
 * (inputs, constants, the space between buffers) is checked afterwards.
 */
export function runInProcess(of: Case, options: InProcessOptions = {}): Results[] {
  const { steps = 1, threads = 1 } = options;
  const compiled = plan(of.program, { tile: options.tile });
  const memory = layOut(compiled, of, threads);
  const nests = compiled.kernels.flatMap((k, ki) => k.phases.flatMap((p, pi) => p.map((nest, ni) => ({ name: `k${ki}_${pi}_${ni}`, units: unitsOf(nest) }))));
  const exports = instantiate(compiled, memory, nests.map((n) => n.name));
  const scratch = scratchBytesOf(compiled);
  const results: Results[] = [];
  for (let step = 0; step < steps; step++) {
    for (const { name, units } of nests) {
      for (let t = threads - 1; t >= 0; t--) {
        const [begin, end] = [Math.floor((t * units) / threads), Math.floor(((t + 1) * units) / threads)];
        if (begin < end) exports[name](begin, end, memory.scratch + t * scratch);
      }
    }
    memory.check();
    const renewed = of.program.assigns.map(({ ref: { attrs, dtype, shape } }) => memory.view(memory.refs.get((attrs as { ref: object }).ref)!, dtype, sizeOf(shape)));
    results.push([...compiled.outputs.map((b) => memory.view(memory.of(b), b.dtype, b.size).slice()), ...renewed.map((x) => x.slice())]);
  }
  return results;
}

interface Layout {
  readonly memory: WebAssembly.Memory;
  readonly scratch: number;
  readonly refs: ReadonlyMap<object, number>;
  of(b: Buffer): number;
  view(address: number, dtype: DType, size: number): TypedArray;
  check(): void;
}

const PAGE = 65536;
const UNWRITTEN = 0x7fc0dead;

function layOut(compiled: Plan, of: Case, threads: number): Layout {
  const refs = new Map<object, number>();
  let end = PAGE;
  const take = (bytes: number): number => (end += Math.ceil(bytes / 64) * 64 + 64) - Math.ceil(bytes / 64) * 64 - 64;
  const arena = take(compiled.arenaBytes);
  for (const [ref, data] of of.refs) refs.set(ref, take(4 * data.length));
  const scratch = take(threads * scratchBytesOf(compiled));
  const pages = Math.ceil(end / PAGE) + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  new Uint32Array(memory.buffer).fill(UNWRITTEN);
  const view = (address: number, dtype: DType, size: number): TypedArray => {
    if (dtype === 'f32') return new Float32Array(memory.buffer, address, size);
    return dtype === 'u32' ? new Uint32Array(memory.buffer, address, size) : new Int32Array(memory.buffer, address, size);
  };
  const place = (b: Buffer): number => (b.ref ? refs.get(b.ref)! : arena + b.offset);
  const fixed: [Buffer, TypedArray][] = [
    ...compiled.inputs.map((b, slot): [Buffer, TypedArray] => [b, of.inputs[slot]]),
    ...compiled.buffers.flatMap((b): [Buffer, TypedArray][] => (b.kind === 'constant' ? [[b, b.data!]] : [])),
  ];
  for (const [b, data] of fixed) view(place(b), b.dtype, b.size).set(data);
  for (const [ref, data] of of.refs) new Uint32Array(memory.buffer, refs.get(ref)!, data.length).set(bitsOf(data));
  const check = (): void => {
    for (const [b, data] of fixed) if (!sameBits(view(place(b), b.dtype, b.size), data, b.dtype)) throw new Error(`a kernel overwrote ${b.kind} ${b.name}`);
    const outside = [[0, PAGE], [arena + Math.ceil(compiled.arenaBytes / 64) * 64, 64], ...[...refs].map(([ref, at]) => [at + Math.ceil((of.refs.get(ref)!.length * 4) / 64) * 64, 64])];
    for (const [at, bytes] of outside) if (new Uint32Array(memory.buffer, at, bytes / 4).some((word) => word !== UNWRITTEN)) throw new Error('a kernel wrote outside its buffers');
  };
  return { memory, scratch, refs, of: place, view, check };
}

function bitsOf(data: TypedArray): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

function sameBits(now: TypedArray, before: TypedArray, dtype: DType): boolean {
  const expected = allocate(dtype, before.length);
  expected.set(before);
  return bitsOf(expected).every((word, i) => word === bitsOf(now)[i]);
}

type Entry = (begin: number, end: number, scratch: number) => void;

function instantiate(compiled: Plan, { memory, scratch, of }: Layout, names: readonly string[]): Readonly<Record<string, Entry>> {
  const program = kernelProgram(compiled, { of, scratch });
  const options = { shared: false, relaxed: true, maxPages: memory.buffer.byteLength / PAGE, barrierAddress: 0, exports: names };
  return link(emitProgram(program, options, pairsVectors()).map(compileModule), memory) as unknown as Record<string, Entry>;
}

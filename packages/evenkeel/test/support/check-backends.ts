/** Holds every backend to the oracle: kernels in this process (cut for 1 and for 3 threads, bit for bit the same), plain, wasm on 2 threads. */
import { afterAll, expect } from 'vitest';
import { allocate, sizeOf } from '../../src/base/index.ts';
import type { DType, Shape, TypedArray } from '../../src/base/index.ts';
import { backends } from '../../src/backends/index.ts';
import type { Device } from '../../src/backends/index.ts';
import type { Tile } from '../../src/compiler/index.ts';
import { build } from '../../src/graph/index.ts';
import type { Assign, Node, RefSlot } from '../../src/graph/index.ts';
import { disagreement } from './agreement.ts';
import { randomValues } from './check-op.ts';
import { evaluateCase, runInProcess, runOnDevice } from './program-case.ts';
import type { Case, Results } from './program-case.ts';

/** The register tiles that the wasm backend uses: two vectors wide, and four where the engine pairs them. */
const TILES: readonly Tile[] = [{ rows: 6, vectors: 2, lanes: 4 }, { rows: 6, vectors: 4, lanes: 4 }];

export interface Check {
  /** @throws an assertion that names the backend, the output and the element. */
  (of: Case): Promise<void>;
}

/** Opens the devices on first use, and closes them after the file's tests. */
export function backendCheck(): Check {
  let devices: Promise<Device[]> | undefined;
  afterAll(async () => {
    for (const device of (await devices) ?? []) await device.close();
  });
  return async (of) => {
    devices ??= Promise.all([backends.plain().then((b) => b.open({})), backends.wasm().then((b) => b.open({ threads: 2 }))]);
    const exact = evaluateCase(of);
    const agrees = (name: string, got: Results): void => expect(disagreement(of, got, exact), name).toBeUndefined();
    const [plain, threads] = await devices;
    agrees('plain', (await runOnDevice(plain, of))[0]);
    for (const tile of TILES) {
      const [alone] = runInProcess(of, { tile });
      agrees(`wasm, ${tile.vectors} vectors a tile`, alone);
      expectSame(runInProcess(of, { tile, threads: 3 })[0], alone);
    }
    agrees('wasm on 2 threads', (await runOnDevice(threads, of))[0]);
  };
}

/** Results do not depend on how kernels are shared out. */
export function expectSame(got: Results, alone: Results): void {
  alone.forEach((x, root) => x.forEach((value, i) => {
    if (!Object.is(got[root][i], value)) expect(got[root][i], `root ${root}, element ${i}: three threads against one`).toBe(value);
  }));
}

/** Collects the inputs of a case while its graph is written. */
export class Sketch {
  private readonly inputs: Node[] = [];
  private readonly data: TypedArray[] = [];
  private readonly refs = new Map<RefSlot, TypedArray>();

  /** An input; by default f32 in -1 .. 1. */
  input(shape: Shape, values: Values = {}): Node {
    const { dtype = 'f32' } = values;
    const node = build.input(this.inputs.length, shape, dtype);
    this.inputs.push(node);
    this.data.push(drawn(shape, dtype, values, this.inputs.length));
    return node;
  }

  ref(shape: Shape, values: Values = {}): Node {
    const { dtype = 'f32' } = values;
    const slot: RefSlot = { name: `ref${this.refs.size}`, shape, dtype };
    this.refs.set(slot, drawn(shape, dtype, values, 100 + this.refs.size));
    return build.ref(slot);
  }

  finish(outputs: readonly Node[], assigns: readonly Assign[] = []): Case {
    return { program: { inputs: this.inputs, outputs, assigns }, inputs: this.data, refs: this.refs };
  }
}

/** Whole numbers where the dtype is an integer. `values` repeats as needed. */
export interface Values { readonly dtype?: DType; readonly low?: number; readonly high?: number; readonly values?: readonly number[] }

function drawn(shape: Shape, dtype: DType, { low = -1, high = 1, values }: Values, seed: number): TypedArray {
  const size = sizeOf(shape);
  const out = allocate(dtype, size);
  if (values) out.set(Array.from({ length: size }, (_, i) => values[i % values.length]));
  else if (dtype === 'f32') out.set(randomValues(size, low, high, seed));
  else out.set(randomValues(size, dtype === 'i32' ? -20 : 0, dtype === 'bool' ? 2 : 40, seed).map(Math.floor));
  return out;
}

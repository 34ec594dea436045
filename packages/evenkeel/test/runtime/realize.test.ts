import { beforeAll, describe, expect, it } from 'vitest';
import { ops } from '../../src/graph/index.ts';
import { configure, realize } from '../../src/runtime/index.ts';
import { currentDevice } from '../../src/runtime/state.ts';
import { Interner, isNumber, programOf, sameKey, structureOf } from '../../src/runtime/structure.ts';
import { Param, random, tensor } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

const nothing = (): undefined => undefined;
const constants = (n: Tensor['node']): Float32Array | undefined => (n.op === ops.constant ? (n.attrs as { data: Float32Array }).data : undefined);

beforeAll(() => configure({ backend: 'oracle' }));

describe('realize', () => {
  it('computes several values in one run', async () => {
    const x = tensor([1, 2]);
    const shared = x.exp();
    expect(await realize([shared.sum().node, x.node, shared.mul(0).node])).toEqual([Float32Array.of(Math.E + Math.E ** 2), Float32Array.of(1, 2), Float32Array.of(0, 0)]);
  });

  it('starts from what it knows', async () => {
    const w = new Param({ shape: [1], data: [1] });
    const y = w.value.add(1);
    await y.data();
    w.write([10]);
    expect(await y.mul(2).array()).toEqual([4]);
  });

  it('commits assignments together, and old values stay readable', async () => {
    const [a, b] = [new Param({ shape: [], data: [1] }), new Param({ shape: [], data: [2] })];
    const [x, y] = [a.value, b.value];
    a.assign(y);
    b.assign(x);
    const before = x.sub(y);
    const [first, second, third] = await Promise.all([a.value.item(), before.item(), b.value.item()]);
    expect([first, second, third, await x.item()]).toEqual([2, -1, 1, 1]);
    expect([await a.read(), await b.read()]).toEqual([Float32Array.of(2), Float32Array.of(1)]);
  });

  it('runs code with other numbers by the plan that there is', async () => {
    await configure({ backend: 'wasm', threads: 1 });
    const x = tensor([1, 2, 3]);
    const used = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const scale = i / 8 - 3;
      expect(await x.mul(scale).add(-scale).pow(2).sum().item()).toBe(5 * scale ** 2);
      used.add(currentDevice()!.device.bytesInUse);
    }
    expect(used.size).toBe(1);
    await configure({ backend: 'oracle' });
  });

  it('computes numbers as the oracle has them: unrounded', async () => {
    expect(await tensor(1).mul(0.1).sub(0.1).item()).toBe(0);
    expect(await tensor([1, 2]).mul(0).add(0.1).sum().item()).toBe(Math.fround(0.2));
  });

  it('leaves refs alone when it fails', async () => {
    const w = new Param({ shape: [], data: [1], name: 'w' });
    const stale = w.value.add(1);
    w.write([3]);
    w.assign(w.value.mul(2));
    await expect(stale.data()).rejects.toThrow('E403');
    expect(await w.read()).toEqual(Float32Array.of(3));
  });
});

describe('structureOf', () => {
  const interner = new Interner();
  const structure = (t: Tensor, known = constants) => structureOf([t.node], known, interner);
  const build = (values: number[], scale: number) => tensor(values).mul(scale).add(tensor(values)).sum();

  it('is equal for graphs that differ in data only', () => {
    const [a, b] = [structure(build([1, 2], 3)), structure(build([5, 6], 3))];
    expect([a.hash, sameKey(a.key, b.key)]).toEqual([b.hash, true]);
    expect(a.leaves.length).toBe(2);
  });

  it('differs in shapes, attributes, and which values are one', () => {
    const a = structure(build([1, 2], 3));
    expect(sameKey(a.key, structure(build([1, 2, 3], 3)).key)).toBe(false);
    expect(sameKey(a.key, structure(build([1, 2], 4)).key)).toBe(false);
    const x = tensor([1, 2]);
    expect(sameKey(a.key, structure(x.mul(3).add(x).sum()).key)).toBe(false);
    expect(sameKey(structure(x.mul(0)).key, structure(x.mul(-0)).key)).toBe(false);
  });

  it('is equal for graphs whose numbers are fed, and feeds one scalar for each', () => {
    const numbers = (n: Tensor['node']): Float32Array | undefined => (isNumber(n) ? new Float32Array(1) : constants(n));
    const [y, z] = [build([1, 2], 3), build([1, 2], 4)];
    expect(sameKey(structure(y, numbers).key, structure(z, numbers).key)).toBe(true);
    const program = programOf(structure(y, numbers), [y.node], []);
    expect(program.inputs.map((n) => n.shape)).toEqual([[2], [], [2]]);
    // An index stays what it is.
    const whole = tensor(Int32Array.of(1, 2)).mul(3);
    expect(structure(whole, numbers).leaves.length).toBe(1);
  });

  it('becomes a program whose leaves are inputs', () => {
    const y = build([1, 2], 3);
    const program = programOf(structure(y), [y.node], []);
    expect(program.inputs.map((n) => [n.op.name, n.shape, (n.attrs as { slot: number }).slot])).toEqual([['input', [2], 0], ['input', [2], 1]]);
    expect(program.outputs[0].inputs[0].inputs[1]).toBe(program.inputs[1]);
  });

  it('tells refs apart by identity and does not look behind known values', () => {
    const [a, b] = [new Param({ shape: [2], name: 'w' }), new Param({ shape: [2], name: 'w' })];
    expect(sameKey(structure(a.value.exp()).key, structure(b.value.exp()).key)).toBe(false);
    const y = random.normal([2], { seed: 1 }).exp();
    const known = structureOf([y.add(1).node], (n) => (n === y.node ? Float32Array.of(1, 2) : undefined), interner);
    expect(known.leaves).toEqual([y.node]);
    expect(structureOf([a.value.node], nothing, interner).sources).toEqual([a.value.node]);
  });
});

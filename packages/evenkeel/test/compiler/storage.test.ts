import { expect, it } from 'vitest';
import { chooseStorage } from '../../src/compiler/storage.ts';
import { simplify } from '../../src/compiler/vertex.ts';
import { build, make, ops } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';

/** The ops whose results get a buffer of their own, in order. */
function stored(inputs: Node[], outputs: Node[]): string[] {
  const graph = simplify({ inputs, outputs, assigns: [] });
  return [...chooseStorage(graph).stored].map((v) => v.node.op.name);
}
const x = build.input(0, [64, 64]);
const y = build.input(1, [64, 64]);

it('stores outputs, reductions and products, and nothing between', () => {
  const chain = make(ops.tanh, [build.mul(x, y)], {});
  expect(stored([x, y], [build.reduce(chain, 'sum', 'value', [1])])).toEqual(['reduce']);
  expect(stored([x, y], [make(ops.relu, [make(ops.dot, [x, y], { batch: 0, contract: 1 })], {})])).toEqual(['dot', 'relu']);
});

it('computes a cheap value again rather than write it and read it back', () => {
  const shared = build.add(x, y);
  const outputs = [build.reduce(shared, 'sum', 'value', [0]), build.reduce(shared, 'sum', 'value', [1])];
  expect(stored([x, y], outputs)).toEqual(['reduce', 'reduce']);
});

it('stores a costly value that several kernels need', () => {
  const shared = make(ops.pow, [x, y], {});
  const outputs = [build.reduce(shared, 'sum', 'value', [0]), build.reduce(shared, 'sum', 'value', [1])];
  expect(stored([x, y], outputs)).toEqual(['pow', 'reduce', 'reduce']);
});

it('stores a small computed value before it is spread over a large one', () => {
  const row = build.input(1, [64]);
  const scaled = build.mul(x, build.expand(make(ops.sqrt, [row], {}), [64, 64], [0]));
  expect(stored([x, row], [scaled])).toEqual(['sqrt', 'mul']);
});

it('writes out small reductions that keep the innermost axis, such as pooling windows', () => {
  const windows = build.input(0, [8, 4, 16]);
  expect(stored([windows], [build.reduce(windows, 'max', 'value', [1])])).toEqual(['reduce']);
  const doubled = build.mul(build.reduce(windows, 'max', 'value', [1]), build.reduce(windows, 'max', 'value', [1]));
  expect(stored([windows], [doubled])).toEqual(['mul']);
});

it('merges equal nodes and drops what nobody needs', () => {
  const graph = simplify({ inputs: [x, y], outputs: [build.add(build.mul(x, y), build.mul(x, y))], assigns: [] });
  expect(graph.vertices.map((v) => v.node.op.name)).toEqual(['input', 'input', 'mul', 'add']);
  const one = simplify({ inputs: [x], outputs: [make(ops.neg, [x], {})], assigns: [] });
  expect(one.vertices).toHaveLength(2);
});

it('a reduction or product over nothing is a constant', () => {
  const empty = build.input(0, [3, 0]);
  const graph = simplify({ inputs: [empty], outputs: [build.reduce(empty, 'sum', 'value', [1]), build.reduce(empty, 'max', 'value', [1])], assigns: [] });
  expect(graph.outputs.map((v) => [v.node.op.name, (v.node.attrs as { value: number }).value])).toEqual([['full', 0], ['full', -Infinity]]);
});

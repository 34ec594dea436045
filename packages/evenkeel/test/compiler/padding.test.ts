import { expect, it } from 'vitest';
import { chooseStorage } from '../../src/compiler/storage.ts';
import { readInsidePaddings } from '../../src/compiler/padding.ts';
import { simplify } from '../../src/compiler/vertex.ts';
import { build, grad } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';

const x = build.input(0, [2, 8, 8, 4]);
const w = build.input(1, [3, 3, 4, 4]);

/** The larger values that get a buffer, in order. */
function stored(outputs: readonly Node[]): string[] {
  const graph = readInsidePaddings(simplify({ inputs: [x, w], outputs, assigns: [] }));
  return [...chooseStorage(graph).stored].filter((v) => v.node.shape.length > 2).map((v) => v.node.op.name);
}

const convolved = (h: Node): Node => nodes.convolution('conv2d', h, w, { padding: 1 });

it('a value that is stored with a border needs no buffer without one', () => {
  expect(stored([nodes.sum(convolved(nodes.tanh(x)))])).toEqual(['pad', 'dot']);
});

it('the backward pass reads a value inside its border', () => {
  const h = nodes.tanh(x);
  const loss = nodes.sum(nodes.mul(convolved(h), convolved(h)));
  const names = stored(grad(loss, [x, w]));
  expect(names.filter((name) => name === 'tanh')).toEqual([]);
});

it('uses that come before the product keep reading the value itself', () => {
  const h = nodes.tanh(x);
  const outputs = [nodes.sum(h), nodes.sum(convolved(nodes.mul(h, nodes.sum(h))))];
  const graph = readInsidePaddings(simplify({ inputs: [x, w], outputs, assigns: [] }));
  expect(graph.vertices.some((v) => v.node.op.name === 'slice')).toBe(false);
});

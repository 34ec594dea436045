/** The library keeps its own rules; the rules are tested on small bad examples below. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { format, inspect, PEERS } from './support/floors.ts';
import { readSource } from './support/source.ts';

const root = new URL('../src/', import.meta.url);

test('the library keeps the rules of the building', () => {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  const sources = paths.filter((path) => path.endsWith('.ts')).map((path) => readSource(path, readFileSync(new URL(path, root), 'utf8')));
  expect(sources.length).toBeGreaterThan(50);
  expect(format(inspect(sources))).toEqual([]);
});

/** Findings in a house of the given files. */
function findings(files: Readonly<Record<string, string>>): string[] {
  return format(inspect(Object.entries(files).map(([path, text]) => readSource(path, text))));
}

describe('imports', () => {
  const house = { 'base/index.ts': '', 'graph/index.ts': '', 'nn/index.ts': '', 'optim/index.ts': '' };

  test('downward through index.ts is the way', () => {
    expect(findings({ ...house, 'graph/node.ts': `import { a } from '../base/index.ts';` })).toEqual([]);
    expect(findings({ ...house, 'index.ts': `export * from './nn/index.ts';` })).toEqual([]);
  });

  test.each([
    ['a static import', `import { a } from '../nn/index.ts';`],
    ['a type import', `import type { A } from '../nn/index.ts';`],
    ['an export-from', `export { a } from '../nn/index.ts';`],
    ['an export of everything', `export * from '../nn/index.ts';`],
    ['a dynamic import', `await import('../nn/index.ts');`],
    ['an import type', `let a: import('../nn/index.ts').A;`],
  ])('upward by %s', (_, text) => {
    expect(findings({ ...house, 'graph/node.ts': text })).toEqual([
      'graph/node.ts:1: import of ../nn/index.ts: upward, from floor 2 (graph) to floor 7 (nn)']);
  });

  test('what only looks like an import is none', () => {
    const text = '// import "../nn/index.ts"\nconst a = `import "../nn/index.ts"`, b = /import("..")/;';
    expect(findings({ ...house, 'graph/node.ts': text })).toEqual([]);
  });

  test('sideways on one floor', () => {
    expect(findings({ ...house, 'nn/a.ts': `import '../optim/index.ts';` })).toEqual([
      'nn/a.ts:1: import of ../optim/index.ts: sideways, from nn to optim on floor 7']);
  });

  test('backends do not know each other, but their common files', () => {
    const backends = { 'backends/backend.ts': '', 'backends/plain/index.ts': '' };
    expect(findings({ ...backends, 'backends/wasm/a.ts': `import '../backend.ts';` })).toEqual([]);
    expect(findings({ ...backends, 'backends/index.ts': `import './plain/index.ts';` })).toEqual([]);
    expect(findings({ ...backends, 'backends/wasm/a.ts': `import '../plain/index.ts';` })).toEqual([
      'backends/wasm/a.ts:1: import of ../plain/index.ts: sideways, from backends/wasm to backends/plain']);
  });

  test('past an index.ts', () => {
    const graph = { 'graph/index.ts': '', 'graph/node.ts': '', 'graph/ops/index.ts': '', 'graph/ops/add.ts': '' };
    expect(findings({ ...graph, 'nn/a.ts': `import '../graph/node.ts';` })).toEqual([
      'nn/a.ts:1: import of ../graph/node.ts: past graph/index.ts']);
    expect(findings({ ...graph, 'graph/a.ts': `import './ops/add.ts';` })).toEqual([
      'graph/a.ts:1: import of ./ops/add.ts: past graph/ops/index.ts']);
    expect(findings({ ...graph, 'nn/a.ts': `import '../graph/ops/index.ts';` })).toEqual([]);
    expect(findings({ 'graph/node.ts': '', 'nn/a.ts': `import '../graph/node.ts';` })).toEqual([
      'nn/a.ts:1: import of ../graph/node.ts: past graph/index.ts, which is missing']);
  });

  test('of src itself, of nothing, of a package, from a folder without a floor', () => {
    expect(findings({ 'index.ts': '', 'nn/a.ts': `import '../index.ts';` })).toEqual([
      'nn/a.ts:1: import of ../index.ts: src itself is above every floor']);
    expect(findings({ 'nn/a.ts': `import './b.ts';` })).toEqual(['nn/a.ts:1: import of ./b.ts: there is no such file']);
    expect(findings({ 'nn/a.ts': `import 'left-pad';` })).toEqual([
      'nn/a.ts:1: imports left-pad, but the library has no dependency']);
    expect(findings({ 'cellar/a.ts': '' })).toEqual(['cellar/a.ts:1: folder cellar has no floor']);
  });

  test('of an optional package: interop alone, and only where it is used', () => {
    const { peerDependencies } = JSON.parse(readFileSync(new URL('../package.json', root), 'utf8')) as { readonly peerDependencies: object };
    expect(PEERS).toEqual(Object.keys(peerDependencies));
    const refused = ['interop/a.ts:1: imports fflate, but the library has no dependency'];
    expect(findings({ 'interop/a.ts': `await import('fflate');` })).toEqual([]);
    expect(findings({ 'interop/a.ts': `import { unzip } from 'fflate';` })).toEqual(refused);
    expect(findings({ 'interop/a.ts': `import type { Unzip } from 'fflate';` })).toEqual(refused);
    expect(findings({ 'train/a.ts': `await import('fflate');` })).toEqual([refused[0].replace('interop', 'train')]);
    expect(findings({ 'interop/a.ts': `await import('left-pad');` })).toEqual([refused[0].replace('fflate', 'left-pad')]);
  });

  test('in a ring', () => {
    const ring = { 'nn/a.ts': `import './b.ts';`, 'nn/b.ts': `export { c } from './c.ts';`, 'nn/c.ts': `import './a.ts';` };
    expect(findings(ring)).toEqual(['nn/a.ts:1: import cycle nn/a.ts -> nn/b.ts -> nn/c.ts -> nn/a.ts']);
    const types = { 'nn/a.ts': `import type { B } from './b.ts';`, 'nn/b.ts': `import { a } from './a.ts';` };
    expect(findings(types)).toEqual([]);
  });

  test('of a Node module in what a page loads', () => {
    const files = { 'index.ts': `import './nn/index.ts';`, 'nn/index.ts': `import 'node:fs';` };
    expect(findings(files)).toEqual(['nn/index.ts:1: node:fs would stop a page from loading; import it where it is used']);
    expect(findings({ 'cli/main.ts': `import 'node:fs';`, 'nn/a.ts': `await import('node:fs');` })).toEqual([]);
  });
});

describe('sizes', () => {
  test('a file of 400 lines is the limit', () => {
    expect(findings({ 'nn/a.ts': '\n'.repeat(400) })).toEqual([]);
    expect(findings({ 'nn/a.ts': '\n'.repeat(401) })).toEqual(['nn/a.ts:401: the file has 401 lines, over 400']);
  });

  test.each([
    ['a function', (body: string) => `function f() {${body}}`],
    ['an arrow', (body: string) => `const f = () => {${body}};`],
    ['a method', (body: string) => `class A { f() {${body}} }`],
  ])('%s of 40 lines is the limit', (_, text) => {
    expect(findings({ 'nn/a.ts': text('\n'.repeat(39)) })).toEqual([]);
    expect(findings({ 'nn/a.ts': text('\n'.repeat(40)) })).toEqual(['nn/a.ts:1: f has 41 lines, over 40']);
  });
});

describe('words', () => {
  test.each([
    ['let a: any;', 'any'], ['const a = b as any;', 'any'], ['type A = Map<string, any>;', 'any'],
    ['// @ts-ignore\nlet a;', '@ts-ignore'], ['/* @ts-expect-error */ let a;', '@ts-expect-error'],
    ['export default 3;', 'default export'], ['const a = 1; export { a as default };', 'default export'],
    ['enum A { B }', 'enum'], ['namespace A { const b = 1; }', 'namespace'],
    ['class A { constructor(private b: number) {} }', 'parameter property'], ['@b class A {}', 'decorator'],
  ])('%s', (text, what) => {
    expect(findings({ 'nn/a.ts': text })).toEqual([`nn/a.ts:1: ${what} is not used here`]);
  });

  test('the same letters in names, strings and comments are nothing', () => {
    expect(findings({ 'nn/a.ts': `const many = 'any'; // any default, as any` })).toEqual([]);
  });

  test('file names are kebab-case', () => {
    expect(findings({ 'nn/batchNorm.ts': '' })).toEqual(['nn/batchNorm.ts:1: batchNorm.ts is not kebab-case']);
  });
});

describe('doc comments', () => {
  const text = '/** What it is. */\nexport const a = 1;\n// A note.\nexport function b() {}\nexport type C = 1;';

  test('of what index.ts declares', () => {
    expect(findings({ 'index.ts': text })).toEqual(['index.ts:4: export b has no doc comment', 'index.ts:5: export C has no doc comment']);
  });

  test.each([
    ['everything', `export * from './nn/index.ts';`, ['b', 'C']],
    ['everything under a name', `export * as nn from './nn/index.ts';`, ['b', 'C']],
    ['some by name', `export { a, b } from './nn/index.ts';`, ['b']],
    ['some by another name', `export { a as C, b as a } from './nn/index.ts';`, ['b']],
    ['what was imported', `import { b as d } from './nn/index.ts';\nexport { d };`, ['b']],
    ['nothing', `import { b } from './nn/index.ts';`, []],
  ])('of %s that it passes on', (_, index, names) => {
    const found = findings({ 'index.ts': index, 'nn/index.ts': `export * from './a.ts';`, 'nn/a.ts': text });
    expect(found.map((line) => line.split(' ')[2])).toEqual(names);
  });

  test('one comment serves overloads and an unbroken block', () => {
    expect(findings({ 'index.ts': '/** A. */\nexport function a(x: 1): 1;\nexport function a(x: 2): 2;\nexport function a(x: 1 | 2) { return x; }' })).toEqual([]);
    expect(findings({ 'index.ts': '/** A and b. */\nexport const a = 1;\nexport const b = 2;\n\nexport const c = 3;' })).toEqual([
      'index.ts:5: export c has no doc comment']);
  });
});

/** Every TypeScript snippet of the documentation, and every example, compiles and runs. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeTinyMnist } from './support/tiny-mnist.ts';
import { snippets } from './support/snippets.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = join(root, '.cache', 'snippets');
const mnist = join(folder, 'mnist');

const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
const found = pages.flatMap((page) => snippets(page, readFileSync(join(root, page), 'utf8')));
const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(mnist, { recursive: true });
  writeTinyMnist(mnist, { train: 256, test: 64 });
  for (const { file, code } of found) writeFileSync(join(folder, file), code);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { noUnusedLocals: false }, include: ['*.ts'] }));
});

/** Runs a file of TypeScript as a user would, on a few made digits in place of MNIST. */
async function execute(path: string): Promise<string> {
  const env = { ...process.env, EVENKEEL_MNIST: mnist, NODE_NO_WARNINGS: '1' };
  const { stdout } = await run(process.execPath, ['--conditions=@evenkeel/source', path], { cwd: root, env });
  return stdout;
}

test('the README shows the library', () => {
  expect(found.filter(({ page }) => page === 'README.md').length).toBeGreaterThanOrEqual(2);
});

test('every snippet compiles', async () => {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { readonly stdout: string }) => error);
  expect(stdout).toBe('');
}, 60_000);

describe('snippets run', () => {
  test.each(found.map(({ page, line, file }) => [`${page}:${line}`, file]))('%s', async (_, file) => {
    await execute(join(folder, file));
  }, 120_000);
});

describe('examples run', () => {
  test.each(examples)('%s', async (name) => {
    expect(await execute(join(root, 'examples', name))).not.toBe('');
  }, 120_000);
});

describe('snippets of a page', () => {
  test('are its ts blocks; `ts more` goes on where the last one stopped', () => {
    const text = ['# A', '```ts', 'const a = 1;', '```', 'and', '```ts more', 'a + 1;', '```', '```sh', 'ls', '```', '```typescript', 'b;', '```', ''].join('\n');
    expect(snippets('docs/a.md', text)).toEqual([
      { page: 'docs/a.md', line: 3, file: 'docs-a-3.ts', code: 'const a = 1;\nexport {};\n' },
      { page: 'docs/a.md', line: 7, file: 'docs-a-7.ts', code: 'const a = 1;\na + 1;\nexport {};\n' },
      { page: 'docs/a.md', line: 13, file: 'docs-a-13.ts', code: 'b;\nexport {};\n' },
    ]);
  });

  test('that are not closed are an error', () => {
    expect(() => snippets('a.md', '```ts\nconst a = 1;')).toThrow('a.md:1: the block is not closed');
  });
});

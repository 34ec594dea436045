/** The package as it is published: what is in it, that it loads, and that installing it runs nothing. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build as bundle } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';
import { build, declarationSpecifiers, moduleUrls } from '../../../tools/build.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const home = fileURLToPath(new URL('../', import.meta.url));
const dist = join(home, 'dist');

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
const manifest = readJson<Manifest>(join(home, 'package.json'));

describe('a build', () => {
  let packed: readonly string[];

  beforeAll(async () => {
    build();
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: home, shell: process.platform === 'win32' });
    packed = filesOf(JSON.parse(stdout));
  }, 120_000);

  test('packs code, types, the README and the license, and nothing else', () => {
    expect(packed).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js']));
    const rest = packed.filter((path) => !/^dist\/.*\.(js|d\.ts)$/.test(path));
    expect(rest.toSorted()).toEqual(['LICENSE', 'README.md', 'package.json']);
  });

  test('names only files that are there', () => {
    const code = packed.filter((path) => path.endsWith('.js'));
    const missing = code.flatMap((path) => {
      const text = readFileSync(join(home, path), 'utf8');
      const named = [...text.matchAll(/(?:\bfrom |\bimport\(|^import |new URL\()\s*["'](\.{1,2}\/[^"']+)["']/gm)].map(([, name]) => name);
      return named.filter((name) => !existsSync(join(home, path, '..', name))).map((name) => `${path}: ${name}`);
    });
    expect(missing).toEqual([]);
  });

  test('loads in Node as it is', async () => {
    const code = `const all = await import(${JSON.stringify(`file://${join(dist, 'index.js')}`)}); console.log(Object.keys(all).join(' '));`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code]);
    expect(stderr).toBe('');
    expect(stdout.trim().split(' ')).toEqual(expect.arrayContaining(['Adam', 'compile', 'crossEntropy', 'fit', 'mnist', 'nn', 'tensor']));
  });

  test('starts its command', async () => {
    const main = join(home, manifest.bin.evenkeel);
    expect(readFileSync(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { stdout } = await run(process.execPath, [main, '--help']);
    expect(stdout).toContain('evenkeel');
  });

  test('bundles without the optional packages, and says which one a file needs', async () => {
    // Outside of the workspace, where they are installed.
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bundle-'));
    cpSync(dist, join(folder, 'node_modules/evenkeel/dist'), { recursive: true });
    cpSync(join(home, 'package.json'), join(folder, 'node_modules/evenkeel/package.json'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const entry = join(folder, 'entry.js');
    writeFileSync(entry, `import { importWeights, nn } from 'evenkeel';\nimportWeights(nn.linear(1), Uint8Array.of(0x50, 0x4b, 3, 4)).catch(({ message }) => console.log(message));\n`);
    await bundle({ root: folder, configFile: false, logLevel: 'silent', build: { minify: true, target: 'es2022', lib: { entry, formats: ['es'], fileName: 'bundle' }, rolldownOptions: { external: /^node:/ } } });
    const { stdout } = await run(process.execPath, [join(folder, 'dist', 'bundle.js')], { cwd: folder });
    expect(stdout).toMatch(/^E514 importWeights: zip archives .* are read with the package fflate, which cannot be loaded\.[^]*Fix: npm install fflate\n$/);
    rmSync(folder, { recursive: true });
  }, 60_000);

  test('types check for a user with strict settings and without the types of Node', async () => {
    const folder = join(root, '.cache', 'consumer');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'user.ts'), `import { nn, tensor } from 'evenkeel';\nexport const a: number = tensor([1, 2]).size;\nexport const layer = nn.linear(2);\n`);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: {
      strict: true, noEmit: true, module: 'nodenext', target: 'es2024', types: [], lib: ['es2024', 'dom', 'dom.iterable', 'esnext.disposable'], skipLibCheck: false,
    } }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { readonly stdout: string }) => error);
    expect(stdout).toBe('');
  }, 60_000);
});

/** `npm pack --json` prints a list up to npm 11, an object by name after it. */
function filesOf(report: unknown): readonly string[] {
  const [{ files }] = Object.values(report as object) as { readonly files: readonly { readonly path: string }[] }[];
  return files.map(({ path }) => path);
}

test('specifiers in built files end in .js', () => {
  expect(declarationSpecifiers(`export * from './a.ts';\nimport "../b.ts";\nlet c: import("./c/d.ts").E;\n// see ./f.ts`)).toBe(
    `export * from './a.js';\nimport "../b.js";\nlet c: import("./c/d.js").E;\n// see ./f.ts`);
  expect(moduleUrls(`new URL('./worker.ts', import.meta.url); new URL('./a.ts', other)`)).toBe(
    `new URL('./worker.js', import.meta.url); new URL('./a.ts', other)`);
});

describe('installing', () => {
  test('the package brings no dependency and runs no script', () => {
    const fields = ['dependencies', 'optionalDependencies', 'bundleDependencies', 'scripts'];
    expect(fields.filter((field) => field in manifest)).toEqual([]);
    const optional = Object.entries(manifest.peerDependenciesMeta as object).filter(([, { optional }]) => optional === true);
    expect(optional.map(([name]) => name)).toEqual(Object.keys(manifest.peerDependencies as object));
  });

  test('the workspace brings exact versions, no install script, and no address of a registry', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
    const scripted = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript);
    expect(scripted.map(([name]) => name)).toEqual([]);
    expect(Object.values(packages).map((entry) => entry.resolved).filter((where) => /^\w+:/.test(String(where ?? '')))).toEqual([]);
    const workspace = readJson<Manifest>(join(root, 'package.json'));
    const versions = [workspace.devDependencies, workspace.optionalDependencies].flatMap((list) => Object.values(list as object));
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    const scripts = Object.keys(workspace.scripts as object);
    expect(scripts.filter((name) => /^(pre|post)|^(install|prepare|dependencies)$/.test(name))).toEqual([]);
  });

  test('every package of the workspace has the license', () => {
    const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'package.json'));
    expect(folders.filter(existsSync).map((path) => readJson<Manifest>(path).license)).toEqual(folders.filter(existsSync).map(() => 'Apache-2.0'));
  });
});

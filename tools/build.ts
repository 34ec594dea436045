/** `npm run build`: makes packages/evenkeel/dist, the package as it is published, and prints its sizes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build as bundle } from 'vite';

/** Bytes of one part of the package. */
export interface PartSize {
  readonly part: string;
  readonly bytes: number;
  readonly gzip: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const home = join(root, 'packages', 'evenkeel');
const dist = join(home, 'dist');

/**
 * Compiles src to dist and puts the README and the license beside it.
 * @throws Error with the compiler's words if the sources do not compile
 */
export function build(): void {
  rmSync(dist, { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', join(home, 'tsconfig.build.json')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the sources do not compile\n${stdout}${stderr}`);
  for (const file of files(dist)) {
    if (file.endsWith('.d.ts')) rewrite(file, declarationSpecifiers);
    else if (file.endsWith('.js')) rewrite(file, moduleUrls);
  }
  for (const name of ['README.md', 'LICENSE']) copyFileSync(join(root, name), join(home, name));
  const command = join(dist, 'cli', 'main.js');
  if (existsSync(command)) chmodSync(command, 0o755);
}

/** `from './a.ts'` and `import('./a.ts')` to .js: the compiler rewrites them in code and leaves them in declarations. */
export function declarationSpecifiers(text: string): string {
  return text.replace(/(\bfrom |\bimport\(|^import )(["'])(\.{1,2}\/[^"']*)\.ts\2/gm, '$1$2$3.js$2');
}

/** `new URL('./a.ts', import.meta.url)` to .js: how a module names the file of its worker. */
export function moduleUrls(text: string): string {
  return text.replace(/(new URL\(\s*)(["'`])(\.{1,2}\/[^"'`]*)\.ts\2(,\s*import\.meta\.url)/g, '$1$2$3.js$2$4');
}

/** Sizes of the code by folder, and of the whole library and of one class of it as a bundler would deliver them. */
export async function sizes(): Promise<PartSize[]> {
  const parts = new Map<string, string>();
  for (const file of files(dist).filter((name) => name.endsWith('.js'))) {
    const part = file.slice(dist.length + 1).split(/[/\\]/).slice(0, -1)[0] ?? 'index';
    parts.set(part, (parts.get(part) ?? '') + readFileSync(file, 'utf8'));
  }
  const everything = [...parts.values()].join('');
  return [
    ...[...parts].sort().map(([part, text]) => measure(part, text)),
    measure('all files', everything),
    measure('bundle of all', await minified('export * from "evenkeel";')),
    measure('bundle of Adam', await minified('export { Adam } from "evenkeel";')),
  ];
}

function measure(part: string, text: string): PartSize {
  return { part, bytes: Buffer.byteLength(text), gzip: gzipSync(text, { level: 9 }).length };
}

/** One module with everything it needs, minified. */
async function minified(code: string): Promise<string> {
  const folder = join(root, '.cache', 'size');
  const entry = join(folder, 'entry.js');
  mkdirSync(folder, { recursive: true });
  writeFileSync(entry, code);
  const result = await bundle({
    root: folder, configFile: false, logLevel: 'silent', resolve: { alias: { evenkeel: join(dist, 'index.js') } },
    build: { write: false, minify: true, target: 'es2022', lib: { entry, formats: ['es'] }, rolldownOptions: { external: /^(node:|fflate$|h5wasm$)/ } },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (!('output' in output)) throw new Error('the bundler is watching, not building');
  return output.output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('');
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

function rewrite(file: string, change: (text: string) => string): void {
  const before = readFileSync(file, 'utf8'), after = change(before);
  if (after !== before) writeFileSync(file, after);
}

if (import.meta.main) {
  build();
  for (const { part, bytes, gzip } of await sizes()) {
    console.log(`${part.padEnd(16)}${kib(bytes).padStart(10)}  gzip${kib(gzip).padStart(10)}`);
  }
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}

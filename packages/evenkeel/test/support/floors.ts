/** The rules of the building: who may import whom, how long things may be. See docs/architecture.md. */
import type { Source } from './source.ts';

/** Floor of every folder of src. What is not listed has no floor and is a finding. */
export const FLOORS: Readonly<Record<string, number>> = {
  base: 0, scalar: 1, graph: 2, compiler: 3, backends: 4, runtime: 5, tensor: 6,
  nn: 7, optim: 7, data: 7, train: 8, lab: 9, interop: 9, distributed: 9, cli: 10,
};
/** Packages that interop loads where a file needs them, and that need not be there: the optional peers of package.json. */
export const PEERS: readonly string[] = ['fflate', 'h5wasm'];
export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 40;

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Every breach of the rules in a set of files. */
export function inspect(sources: readonly Source[]): Finding[] {
  const files = new Map(sources.map((source) => [source.path, source]));
  return [...sources.flatMap((source) => [...sizes(source), ...words(source), ...imports(source, files)]), ...cycles(files), ...pinnedToNode(files), ...undocumented(files)];
}

/** One line per finding, as compilers print them. */
export function format(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, message }) => `${path}:${line}: ${message}`);
}

function sizes({ path, lines, functions }: Source): Finding[] {
  const long = functions.filter((f) => f.lines > MAX_FUNCTION_LINES);
  return [
    ...(lines > MAX_FILE_LINES ? [{ path, line: lines, message: `the file has ${lines} lines, over ${MAX_FILE_LINES}` }] : []),
    ...long.map(({ name, line, lines: length }) => ({ path, line, message: `${name} has ${length} lines, over ${MAX_FUNCTION_LINES}` })),
  ];
}

function words({ path, forbidden }: Source): Finding[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return [
    ...(/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(name) ? [] : [{ path, line: 1, message: `${name} is not kebab-case` }]),
    ...forbidden.map(({ what, line }) => ({ path, line, message: `${what} is not used here` })),
  ];
}

/** Public exports without a doc comment: what index.ts declares or passes on, followed to where it is declared. */
function undocumented(files: ReadonlyMap<string, Source>): Finding[] {
  const findings = new Map<string, Finding>();
  const visit = (path: string, wanted: string | undefined, trail: ReadonlySet<string>): void => {
    const source = files.get(path), key = `${path} ${wanted ?? '*'}`;
    if (!source || trail.has(key)) return;
    for (const e of source.exports) {
      if (e.documented || (wanted !== undefined && e.name !== wanted)) continue;
      findings.set(`${path} ${e.name}`, { path, line: e.line, message: `export ${e.name} has no doc comment` });
    }
    for (const { specifier, name, original } of source.passedOn) {
      if (wanted !== undefined && name !== undefined && name !== wanted) continue;
      visit(resolve(path, specifier), name === undefined ? wanted : original, new Set([...trail, key]));
    }
  };
  visit('index.ts', undefined, new Set());
  return [...findings.values()];
}

/** Folder that owns a file, as far as floors go; '' for the files of src itself, which stand above all floors. */
function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function imports(source: Source, files: ReadonlyMap<string, Source>): Finding[] {
  const { path } = source;
  const room = roomOf(path);
  if (room !== '' && !(room in FLOORS)) return [{ path, line: 1, message: `folder ${room} has no floor` }];
  return source.imports.flatMap(({ specifier, kind, line }) => {
    if (!specifier.startsWith('.')) {
      const peer = room === 'interop' && kind === 'dynamic' && PEERS.includes(specifier);
      return peer || specifier.startsWith('node:') ? [] : [{ path, line, message: `imports ${specifier}, but the library has no dependency` }];
    }
    const target = resolve(path, specifier);
    const problem = files.has(target) ? floorProblem(path, target) ?? doorProblem(path, target, files) : 'there is no such file';
    return problem ? [{ path, line, message: `import of ${specifier}: ${problem}` }] : [];
  });
}

function floorProblem(path: string, target: string): string | undefined {
  const from = roomOf(path), to = roomOf(target);
  if (from === '') return undefined;
  if (to === '') return 'src itself is above every floor';
  if (from === to) return from === 'backends' ? neighbourProblem(path, target) : undefined;
  if (FLOORS[to] > FLOORS[from]) return `upward, from floor ${FLOORS[from]} (${from}) to floor ${FLOORS[to]} (${to})`;
  if (FLOORS[to] === FLOORS[from]) return `sideways, from ${from} to ${to} on floor ${FLOORS[to]}`;
  return undefined;
}

/** backends/wasm and backends/plain do not know each other; both know the files of backends itself. */
function neighbourProblem(path: string, target: string): string | undefined {
  const [from, to] = [path, target].map((p) => p.split('/').slice(1, -1)[0]);
  return from !== undefined && to !== undefined && from !== to ? `sideways, from backends/${from} to backends/${to}` : undefined;
}

/** A folder with an index.ts is entered only through it. */
function doorProblem(path: string, target: string, files: ReadonlyMap<string, Source>): string | undefined {
  const own = path.split('/').slice(0, -1), other = target.split('/').slice(0, -1);
  let shared = 0;
  while (shared < own.length && own[shared] === other[shared]) shared++;
  if (target.endsWith('/index.ts') && other.length > shared) return undefined;
  for (let depth = shared + 1; depth <= other.length; depth++) {
    const door = [...other.slice(0, depth), 'index.ts'].join('/');
    if (files.has(door)) return `past ${door}`;
    if (depth === 1 && shared === 0) return `past ${door}, which is missing`;
  }
  return undefined;
}

/** Import cycles of values, one per tangle. Types that need each other may live in two files of a folder: nothing of them runs. */
function cycles(files: ReadonlyMap<string, Source>): Finding[] {
  const ways = new Map([...files.keys()].sort().map((path) => [path, routes(path, files)] as const));
  const findings: Finding[] = [], reported = new Set<string>();
  for (const [path, reach] of ways) {
    const ring = reach.get(path);
    if (!ring || reported.has(path)) continue;
    findings.push({ path, line: 1, message: `import cycle ${[path, ...ring].join(' -> ')}` });
    for (const other of reach.keys()) {
      if (ways.get(other)?.has(path)) reported.add(other);
    }
  }
  return findings;
}

/** Shortest way over imports of values from a file to each file that it reaches; to itself only around a ring. */
function routes(start: string, files: ReadonlyMap<string, Source>): Map<string, readonly string[]> {
  const reach = new Map<string, readonly string[]>();
  let front: (readonly [string, readonly string[]])[] = [[start, []]];
  while (front.length > 0) {
    const next: typeof front = [];
    for (const [path, way] of front) {
      for (const target of targets(path, files, (kind) => kind !== 'type')) {
        if (reach.has(target)) continue;
        reach.set(target, [...way, target]);
        next.push([target, [...way, target]]);
      }
    }
    front = next;
  }
  return reach;
}

/** Files that a page loads with index.ts must not name Node's modules in a static import. */
function pinnedToNode(files: ReadonlyMap<string, Source>): Finding[] {
  const seen = new Set<string>(), findings: Finding[] = [];
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier, kind, line } of files.get(path)?.imports ?? []) {
      if (kind === 'static' && specifier.startsWith('node:')) findings.push({ path, line, message: `${specifier} would stop a page from loading; import it where it is used` });
    }
    for (const next of targets(path, files, (kind) => kind === 'static')) visit(next);
  };
  visit('index.ts');
  return findings;
}

function targets(path: string, files: ReadonlyMap<string, Source>, wanted: (kind: 'static' | 'type' | 'dynamic') => boolean): string[] {
  const local = (files.get(path)?.imports ?? []).filter(({ specifier, kind }) => specifier.startsWith('.') && wanted(kind));
  return local.map(({ specifier }) => resolve(path, specifier)).filter((target) => files.has(target));
}

function resolve(path: string, specifier: string): string {
  const parts = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return specifier;
    } else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

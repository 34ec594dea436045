/** One source file as the rules of the code see it: its imports, its exports, and the length of its functions. */
import { parseSync } from 'vite';

/** An import, an export-from, a dynamic `import()` or an `import()` type. */
export interface SourceImport {
  readonly specifier: string;
  readonly kind: 'static' | 'type' | 'dynamic';
  readonly line: number;
}

export interface SourceExport {
  readonly name: string;
  readonly line: number;
  /** Whether a doc comment stands before it, or before the unbroken block of exports that it is part of. */
  readonly documented: boolean;
}

/** What a file exports but another declares. */
export interface SourcePassedOn {
  readonly specifier: string;
  /** Undefined for `export * from`. */
  readonly name: string | undefined;
  /** Name in the other file; undefined for all of it (`export * as name from`). */
  readonly original: string | undefined;
}

export interface SourceFunction {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

export interface Source {
  /** Relative to src, with forward slashes. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly SourceImport[];
  readonly exports: readonly SourceExport[];
  readonly passedOn: readonly SourcePassedOn[];
  readonly functions: readonly SourceFunction[];
  /** Lines of forbidden things, by what they are. */
  readonly forbidden: readonly { readonly what: string; readonly line: number }[];
}

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/**
 * Parses one TypeScript file.
 * @throws Error if the text is not TypeScript
 */
export function readSource(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  const lineAt = lineIndex(text);
  const root = program as unknown as SyntaxNode;
  const suppressions = comments.filter(({ value }) => /^\s*@ts-(ignore|nocheck|expect-error)\b/.test(value));
  const forbidden = suppressions.map(({ start, value }) => ({ what: value.trim().split(/\s/)[0], line: lineAt(start) }));
  const imports: SourceImport[] = [], functions: SourceFunction[] = [];
  walk(root, undefined, (node, parent) => {
    const found = importOf(node);
    if (found) imports.push({ ...found, line: lineAt(node.start) });
    const what = forbiddenIn(node);
    if (what) forbidden.push({ what, line: lineAt(node.start) });
    if (FUNCTIONS.has(node.type) && node.body) {
      const lines = lineAt(node.end) - lineAt(node.start) + 1;
      functions.push({ name: functionName(node, parent), line: lineAt(node.start), lines });
    }
  });
  const docs = new Set(comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*')).map(({ end }) => end));
  const exports = exportsOf(root, lineAt, (start) => docs.has(text.slice(0, start).trimEnd().length));
  return { path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0), imports, exports, passedOn: passedOnBy(root), functions, forbidden };
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Line number (from 1) of an offset. */
function lineIndex(text: string): (offset: number) => number {
  const starts = [0];
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return (offset) => {
    let low = 0, high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= offset) low = middle; else high = middle;
    }
    return low + 1;
  };
}

function walk(node: SyntaxNode, parent: SyntaxNode | undefined, visit: (node: SyntaxNode, parent?: SyntaxNode) => void): void {
  visit(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, node, visit);
    }
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

function importOf(node: SyntaxNode): Omit<SourceImport, 'line'> | undefined {
  const { source } = node;
  if (!isNode(source) || typeof source.value !== 'string') return undefined;
  const specifier = source.value;
  switch (node.type) {
    case 'ImportDeclaration': return { specifier, kind: node.importKind === 'type' ? 'type' : 'static' };
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration': return { specifier, kind: node.exportKind === 'type' ? 'type' : 'static' };
    case 'ImportExpression': return { specifier, kind: 'dynamic' };
    case 'TSImportType': return { specifier, kind: 'type' };
    default: return undefined;
  }
}

function forbiddenIn(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case 'TSAnyKeyword': return 'any';
    case 'ExportDefaultDeclaration': return 'default export';
    case 'ExportSpecifier': return isNode(node.exported) && node.exported.name === 'default' ? 'default export' : undefined;
    case 'TSEnumDeclaration': return 'enum';
    case 'TSModuleDeclaration': return 'namespace';
    case 'TSParameterProperty': return 'parameter property';
    case 'Decorator': return 'decorator';
    default: return undefined;
  }
}

function functionName(node: SyntaxNode, parent: SyntaxNode | undefined): string {
  return nameOf(node.id) ?? nameOf(parent?.key) ?? nameOf(parent?.id) ?? '(anonymous)';
}

/** Declarations that a file exports. `documented(start)` tells of a doc comment that ends right before. */
function exportsOf(root: SyntaxNode, lineAt: (offset: number) => number, documented: (start: number) => boolean): SourceExport[] {
  const found: SourceExport[] = [];
  let block = false, lastLine = -1;
  for (const node of root.body as SyntaxNode[]) {
    if (node.type !== 'ExportNamedDeclaration' || !isNode(node.declaration)) continue;
    const { declaration } = node;
    const line = lineAt(node.start);
    block = documented(node.start) || (block && line === lastLine + 1);
    lastLine = lineAt(node.end);
    for (const { id } of (declaration.declarations as SyntaxNode[] | undefined) ?? [declaration]) {
      found.push({ name: nameOf(id) ?? '(pattern)', line, documented: block });
    }
  }
  return found;
}

/** Exports of things that other files declare: export-from, and export of what was imported. */
function passedOnBy(root: SyntaxNode): SourcePassedOn[] {
  const body = root.body as SyntaxNode[];
  const imported = new Map(body.filter(({ type }) => type === 'ImportDeclaration').flatMap((node) =>
    (node.specifiers as SyntaxNode[]).map((s) => [nameOf(s.local), { specifier: specifierOf(node), original: nameOf(s.imported) }] as const)));
  return body.flatMap((node): SourcePassedOn[] => {
    if (node.type === 'ExportAllDeclaration') return [{ specifier: specifierOf(node), name: nameOf(node.exported), original: undefined }];
    if (node.type !== 'ExportNamedDeclaration') return [];
    return (node.specifiers as SyntaxNode[]).flatMap((s) => {
      const name = nameOf(s.exported), local = nameOf(s.local);
      if (isNode(node.source)) return [{ specifier: specifierOf(node), name, original: local }];
      const from = imported.get(local);
      return from ? [{ ...from, name }] : [];
    });
  });
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && typeof node.name === 'string' ? node.name : undefined;
}

function specifierOf(node: SyntaxNode): string {
  return isNode(node.source) ? String(node.source.value) : '';
}

/** The TypeScript blocks of a Markdown page. */

export interface Snippet {
  readonly page: string;
  /** Line of the page where its code starts. */
  readonly line: number;
  /** A name for it as a file. */
  readonly file: string;
  readonly code: string;
}

/**
 * Blocks fenced as `ts` or `typescript`, each a program of its own; a block `ts more` goes on where the one before it stopped.
 * @throws Error for a block that is not closed
 */
export function snippets(page: string, text: string): Snippet[] {
  const found: Snippet[] = [];
  const lines = text.split(/\r?\n/);
  let before = '';
  for (let at = 0; at < lines.length; at++) {
    const [, fence, language] = /^ *(`{3,})\s*(.*)$/.exec(lines[at]) ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end < 0) throw new Error(`${page}:${at + 1}: the block is not closed`);
    if (/^(ts|typescript)( more)?$/.test(language)) {
      before = `${language.endsWith(' more') ? before : ''}${lines.slice(at + 1, end).join('\n')}\n`;
      // The export makes the file a module, so that snippets do not see each other's names.
      found.push({ page, line: at + 2, file: `${page.replace(/\.md$/, '').replaceAll(/[^\w]+/g, '-').toLowerCase()}-${at + 2}.ts`, code: `${before}export {};\n` });
    }
    at = end;
  }
  return found;
}

/** A static server for the package's TypeScript: types are stripped, nothing is rewritten, .ts files go out as JavaScript. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stripTypeScriptTypes } from 'node:module';

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

const root = new URL('../../', import.meta.url);
const PAGE = '<!doctype html><meta charset="utf-8"><title>evenkeel</title><script type="module" src="/test/browser/page.ts"></script>';
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-resource-policy': 'same-origin',
};

/** Serves on a free port of the loopback interface, with or without the headers that isolate a page and so allow it threads. */
export async function servePage({ isolated }: { readonly isolated: boolean }): Promise<PageServer> {
  const server = createServer((request, response) => {
    void answer(request.url ?? '/').then(({ status, type, text }) => {
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store', ...(isolated ? ISOLATION : {}) });
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${port}/`, close };
}

async function answer(url: string): Promise<{ readonly status: number; readonly type: string; readonly text: string }> {
  const { pathname } = new URL(url, 'http://localhost');
  if (pathname === '/') return { status: 200, type: 'text/html', text: PAGE };
  const missing = { status: 404, type: 'text/plain', text: `no ${pathname}` };
  // The URL parser has taken every `..` out, so that what starts with one of these stays inside.
  if (!/^\/(src|test\/browser)\/[\w./-]+\.ts$/.test(pathname)) return missing;
  try {
    const source = await readFile(new URL(`.${pathname}`, root), 'utf8');
    return { status: 200, type: 'text/javascript', text: stripTypeScriptTypes(source) };
  } catch (error) {
    return { ...missing, text: String(error) };
  }
}

/** Debian's Chromium, driven over its debugging pipe. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const path = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Whether there is a browser to test with. Under CI its absence is a failure that `launch` reports, so the answer is yes. */
export function browserWanted(): boolean {
  if (existsSync(path) || process.env.CI) return true;
  console.warn(`no browser at ${path}: the browser tests are skipped (install chromium, or name one in CHROMIUM)`);
  return false;
}

/** Starts the browser. @throws Error if there is none */
export function launch(): Promise<Browser> {
  if (!existsSync(path)) throw new Error(`there is no browser at ${path}: install chromium, or name one in CHROMIUM`);
  return chromium.launch({
    executablePath: path, headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

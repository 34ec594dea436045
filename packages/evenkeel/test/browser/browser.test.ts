/** A page's worker trains like Node does, bit for bit, with threads and without. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserWanted, launch } from './chromium.ts';
import { servePage } from './serve.ts';
import { trainSteps } from './steps.ts';
import type { StepsOptions } from './steps.ts';
import type { Answer } from './worker.ts';

const OPTIONS = { steps: 20, batchSize: 32 };

let expected: readonly number[];
beforeAll(async () => { expected = await trainSteps({ ...OPTIONS, threads: 1 }); }, 120_000);

test('the steps train in Node', () => {
  expect(expected).toHaveLength(OPTIONS.steps);
  expect(expected.at(-1)).toBeLessThan(expected[0] / 2);
});

test('two threads in Node give the same losses', async () => {
  expect(await trainSteps({ ...OPTIONS, threads: 2 })).toEqual(expected);
}, 120_000);

describe.skipIf(!browserWanted())('in the browser', () => {
  let browser: Browser;
  beforeAll(async () => { browser = await launch(); }, 120_000);
  afterAll(() => browser?.close());

  test.each([
    ['an isolated page on two threads', { isolated: true, threads: 2 }],
    ['an isolated page on what it has', { isolated: true }],
    ['a page that may not share memory', { isolated: false }],
  ])('%s gives the same losses', async (_, { isolated, ...rest }) => {
    const answer = await trainInPage(browser, isolated, { ...OPTIONS, ...rest });
    expect(answer).toEqual({ losses: expected, isolated });
  }, 120_000);
});

async function trainInPage(browser: Browser, isolated: boolean, options: StepsOptions): Promise<Answer> {
  const server = await servePage({ isolated });
  const page = await browser.newPage();
  const troubles: string[] = [];
  page.on('console', (message) => { if (message.type() === 'error') troubles.push(message.text()); });
  page.on('pageerror', (error) => { troubles.push(error.message); });
  page.on('response', (response) => { if (response.status() >= 400 && !response.url().endsWith('/favicon.ico')) troubles.push(`${response.status()} ${response.url()}`); });
  try {
    await page.goto(server.url);
    const answer = await page.evaluate<Answer>(`trainInWorker(${JSON.stringify(options)})`);
    return 'error' in answer ? { error: [answer.error, ...troubles].join('\n') } : answer;
  } finally {
    await page.close();
    await server.close();
  }
}

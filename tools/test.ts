/** `npm test`: type check, lint and all tests, closed by one line `N passed, N failed`.
 *  The type check and the lint count as one test each. Arguments go to vitest. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How many tests passed, failed and were left out. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`;

process.exitCode = main(process.argv.slice(2));

function main(args: readonly string[]): number {
  console.log(`Node ${process.version}`);
  const tallies = [
    check('type check', ['tsc', '--noEmit', '-p', '.']),
    check('lint', ['oxlint', '--deny-warnings']),
    tests(args),
  ];
  const total = (key: keyof Tally): number => tallies.reduce((sum, tally) => sum + tally[key], 0);
  if (total('skipped') > 0) console.log(`${total('skipped')} skipped`);
  console.log(`${total('passed')} passed, ${total('failed')} failed`);
  return total('failed') > 0 ? 1 : 0;
}

/** Runs a command of node_modules/.bin with its output shown; returns its exit status, 1 if it died otherwise. */
function run([command, ...args]: readonly string[]): number {
  const { status, error } = spawnSync(command, args, {
    cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, PATH: path }, shell: process.platform === 'win32',
  });
  if (error) console.error(error.message);
  return status ?? 1;
}

function check(name: string, command: readonly string[]): Tally {
  console.log(`\n${name}: ${command.join(' ')}`);
  const failed = run(command) === 0 ? 0 : 1;
  console.log(failed ? `${name} failed` : `${name} passed`);
  return { passed: 1 - failed, failed, skipped: 0 };
}

function tests(args: readonly string[]): Tally {
  console.log('\ntests: vitest');
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-test-'));
  const report = join(folder, 'report.json');
  const status = run(['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args]);
  try {
    const { numPassedTests: passed, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    // A file that does not load and an unhandled rejection fail the run without failing a test.
    const broken = testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'));
    const failed = numFailedTests + broken.length;
    return { passed, failed: status !== 0 && failed === 0 ? 1 : failed, skipped: numPendingTests + numTodoTests };
  } catch {
    console.error(`vitest ended with status ${status} and left no report`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

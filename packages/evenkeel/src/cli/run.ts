/** The command: finds what is wanted, and turns mistakes into one screen of text. */
import { readFile } from 'node:fs/promises';
import { Fault } from '../base/index.ts';
import type { Output } from '../train/index.ts';
import { train } from './train.ts';
import { USAGE } from './usage.ts';

/** Streams of the command. */
export interface Streams {
  readonly output: Output;
  readonly errors: Output;
}

/** Exit codes: 0 done, 1 a failure that nobody foresaw, 2 a mistake of the user, 130 interrupted. */
export async function run(args: readonly string[], { output, errors }: Streams): Promise<number> {
  try {
    return await dispatch(args, output);
  } catch (error) {
    if (error instanceof Fault) {
      errors.write(`${error.message}\n`);
      return 2;
    }
    errors.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}

async function dispatch([command, ...rest]: readonly string[], output: Output): Promise<number> {
  switch (command) {
    case 'train': return train(rest, output);
    case '--version': case '-v':
      output.write(`${await version()}\n`);
      return 0;
    case '--help': case '-h': case 'help':
      output.write(USAGE);
      return 0;
    case undefined: throw new Fault({ code: 'E101', op: 'evenkeel', rule: 'say what to do', hint: 'evenkeel train mnist-cnn, or evenkeel --help' });
    default: throw new Fault({ code: 'E101', op: 'evenkeel', rule: `there is no command "${command}"`, hint: 'evenkeel train mnist-cnn, or evenkeel --help' });
  }
}

/** From the package's own package.json, which lies two folders up in the sources and in the published package. */
async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

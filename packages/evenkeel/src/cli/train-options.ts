/** Options of `evenkeel train`: read, checked, with defaults. */
import { parseArgs } from 'node:util';
import { Fault } from '../base/index.ts';
import { schedules } from '../optim/index.ts';
import type { Configuration } from '../runtime/index.ts';
import { models } from './models/index.ts';
import type { ModelName, ModelOptions } from './models/index.ts';

export interface TrainOptions extends ModelOptions {
  readonly model: ModelName;
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  readonly schedule: keyof typeof schedules;
  readonly limit: number | undefined;
  readonly data: string | undefined;
  readonly out: string;
  readonly json: string | undefined;
  readonly device: Configuration;
}

const OP = 'evenkeel train';
const HELP = 'see evenkeel train --help';
const OPTIONS = {
  epochs: { type: 'string' }, batch: { type: 'string' }, rate: { type: 'string' }, schedule: { type: 'string' }, seed: { type: 'string' }, norm: { type: 'string' },
  limit: { type: 'string' }, data: { type: 'string' }, out: { type: 'string' }, json: { type: 'string' }, threads: { type: 'string' },
  backend: { type: 'string' }, help: { type: 'boolean', short: 'h' },
} as const;

/**
 * The options in the arguments after `train`; undefined where help is asked for.
 * @throws E101 for options that do not exist and values that cannot be
 */
export function parseTrainOptions(args: readonly string[]): TrainOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const model = modelName(positionals);
  const { norm = 'batch' } = values;
  if (norm !== 'batch' && norm !== 'none') throw bad('norm', 'must be batch or none', norm);
  const count = (name: 'epochs' | 'batch' | 'limit' | 'threads'): number | undefined => whole(name, values[name], 1);
  return {
    model, norm, epochs: count('epochs') ?? 2, batch: count('batch') ?? 128, rate: rateOf(values.rate), schedule: scheduleOf(values.schedule), seed: whole('seed', values.seed, 0) ?? 0,
    limit: count('limit'), data: text('data', values.data), out: text('out', values.out) ?? `${model}.safetensors`, json: text('json', values.json),
    device: { threads: count('threads'), backend: values.backend as Configuration['backend'] },
  };
}

function parse(args: readonly string[]): { values: { readonly [K in Exclude<keyof typeof OPTIONS, 'help'>]?: string } & { readonly help?: boolean }; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    const [rule] = (error as Error).message.split(/\.(?:\s|$)/);
    throw new Fault({ code: 'E101', op: OP, rule, hint: HELP });
  }
}

function modelName(positionals: readonly string[]): ModelName {
  const names = Object.keys(models).join(', ');
  if (positionals.length !== 1) {
    const detail = positionals.length > 1 ? [`got ${positionals.join(' ')}`] : [];
    throw new Fault({ code: 'E101', op: OP, rule: 'name one model', detail, hint: `write evenkeel train MODEL with MODEL one of ${names}` });
  }
  if (!Object.hasOwn(models, positionals[0])) {
    throw new Fault({ code: 'E101', op: OP, rule: `there is no model "${positionals[0]}"`, hint: `choose one of ${names}` });
  }
  return positionals[0] as ModelName;
}

function whole(name: string, value: string | undefined, least: number): number | undefined {
  if (value === undefined) return undefined;
  const number = value.trim() === '' ? NaN : Number(value);
  if (!Number.isInteger(number) || number < least || number >= 2 ** 32) throw bad(name, `must be a whole number from ${least}`, value);
  return number;
}

function rateOf(value: string | undefined): number {
  if (value === undefined) return 1e-3;
  const number = value.trim() === '' ? NaN : Number(value);
  if (!(number > 0 && number < Infinity)) throw bad('rate', 'must be a number above 0', value);
  return number;
}

function scheduleOf(value = 'linear'): keyof typeof schedules {
  if (!Object.hasOwn(schedules, value)) throw bad('schedule', `must be one of ${Object.keys(schedules).join(', ')}`, value);
  return value as keyof typeof schedules;
}

function text(name: string, value: string | undefined): string | undefined {
  if (value === '') throw bad(name, 'must name a path', value);
  return value;
}

function bad(name: string, rule: string, got: string): Fault {
  return new Fault({ code: 'E101', op: OP, rule: `--${name} ${rule}`, detail: [`got ${JSON.stringify(got)}`], hint: HELP });
}

/** A model as a table: layers, output shapes, parameters. */
import type { Shape } from '../base/index.ts';
import { faults } from './faults.ts';
import type { Module } from './module.ts';

/** Numbers of values that a model holds. */
export interface ModelSize {
  readonly parameters: number;
  readonly trainable: number;
  /** Values of buffers: running statistics and the like. */
  readonly state: number;
}

/** Counts the values of a model. @throws E320 before its sizes are known */
export function modelSize(model: Module): ModelSize {
  const params = model.params();
  const count = (refs: readonly { readonly size: number }[]): number => refs.reduce((sum, ref) => sum + ref.size, 0);
  return { parameters: count(params), trainable: count(params.filter((p) => p.trainable)), state: count(model.buffers()) };
}

/**
 * A table of the layers with output shapes (N stands for the batch) and parameters.
 * @param input  shape of one sample, for a model that has not been built or run yet
 * @throws E320 before the sizes are known
 */
export function summary(model: Module, input?: Shape): string {
  if (input) model.build(input);
  const rows = model.modules().filter(([path, module]) => path !== '' || module.children().length === 0).map(([path, module]) => rowOf(path, module));
  const size = modelSize(model);
  const frozen = size.parameters - size.trainable;
  const totals = `${number(size.parameters)} parameters: ${number(size.trainable)} trainable, ${number(frozen)} frozen; ${number(size.state)} values of state`;
  return `${table([['layer', 'output', 'parameters'], ...rows])}\n${totals}`;
}

function rowOf(path: string, module: Module): string[] {
  if (!module.outputShape) throw faults.notBuilt('summary', path);
  const inside = new Set(module.children().flatMap(([, child]) => child.params()));
  const size = module.params().filter((param) => !inside.has(param)).reduce((sum, param) => sum + param.size, 0);
  const own = module.children().length > 0 && size === 0 ? '' : number(size);
  return [`${path} ${module.describe()}${module.frozen ? ' (frozen)' : ''}`.trim(), `[${['N', ...module.outputShape.slice(1)].join(', ')}]`, own];
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]): string => `${row[0].padEnd(widths[0])}  ${row[1].padEnd(widths[1])}  ${row[2].padStart(widths[2])}`.trimEnd();
  const rule = '-'.repeat(widths[0] + widths[1] + widths[2] + 4);
  return [line(rows[0]), rule, ...rows.slice(1).map(line), rule].join('\n');
}

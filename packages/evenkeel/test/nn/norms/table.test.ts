/** The table of docs/normalization.md is what these experiments find. `EVENKEEL_UPDATE=1 npx vitest run table` writes it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as norms from '../../../src/nn/norms/index.ts';
import * as nn from '../../../src/nn/index.ts';
import { catalogue } from '../../support/norm-catalogue.ts';
import type { Entry } from '../../support/norm-catalogue.ts';
import { axesOf, backendsOf, dialectsOf, hasDoubleGradient, hasGradient, inputOf, masksOf, mixesSamples, ranksOf } from '../../support/norm-probes.ts';
import type { Tensor } from '../../../src/tensor/index.ts';
import type { Subject } from '../../support/norm-probes.ts';

const page = new URL('../../../../../docs/normalization.md', import.meta.url);
const sources = new URL('../../../src/nn/norms/', import.meta.url);

type Factory = (...args: unknown[]) => nn.Module;
const exported: Readonly<Record<string, unknown>> = norms;
const known: Readonly<Record<string, Entry>> = { ...catalogue.batch, ...catalogue.sample };

/** Functions that make a layer: those of the catalogue, and those named as an exported layer is. */
const names = Object.keys(exported).filter((name) => {
  const layer = exported[`${name[0].toUpperCase()}${name.slice(1)}`];
  return typeof exported[name] === 'function' && /^[a-z]/.test(name) && !(name in catalogue.weight) && !(name in catalogue.recurrent) &&
    (name in known || (typeof layer === 'function' && layer.prototype instanceof nn.Module));
});
const order = Object.keys(known);
const layers = names.sort((a, b) => (order.indexOf(a) + 1 || 99) - (order.indexOf(b) + 1 || 99));
const rules = Object.keys(catalogue.weight).filter((name) => name in exported);

/** What the doc comments say of a layer that the catalogue does not know yet. */
function fromComments(name: string): Pick<Entry, 'use' | 'source'> {
  for (const file of readdirSync(sources)) {
    const text = readFileSync(new URL(file, sources), 'utf8');
    const at = text.indexOf(`export function ${name}(`);
    if (at < 0) continue;
    const comment = text.slice(text.lastIndexOf('/**', at), at).replaceAll(/\/?\*+\/?/g, '').replaceAll(/\s+/g, ' ').split('@')[0].trim();
    return { use: comment.replace(/\.$/, ''), source: /\(([^()]*\d{4}[^()]*)\)/.exec(text.slice(0, 400))?.[1] ?? `src/nn/norms/${file}` };
  }
  throw new Error(`no file exports ${name}`);
}

const span = (ranks: readonly number[]): string => {
  const whole = ranks.length > 1 && ranks.at(-1)! - ranks[0] === ranks.length - 1;
  return whole ? `${ranks[0]} - ${ranks.at(-1)}` : ranks.join(', ') || '-';
};
const tick = (good: boolean): string => (good ? 'yes' : 'no');
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

async function layerRow(name: string): Promise<string> {
  const subject: Subject = { make: exported[name] as Factory, entry: known[name] ?? {} };
  const ranks = ranksOf(subject);
  const rank = ranks.includes(3) ? 3 : ranks.at(-1);
  if (rank === undefined) throw new Error(`${name} takes no input: give it an entry in test/support/norm-catalogue.ts`);
  const x = inputOf(rank);
  return row([`\`${name}\``, mixesSamples(subject, rank) ? 'batch' : 'sample', span(ranks), axesOf(subject, ranks.includes(4) ? 4 : rank), dialectsOf(subject).join(' ') || '-', masksOf(subject, rank),
    subject.entry.gradient ?? tick(hasGradient(subject, x)), tick(hasDoubleGradient(subject, x)), (await backendsOf(subject, x)).join(' ')]);
}

async function ruleRow(name: string): Promise<string> {
  const wrap = exported[name] as Factory;
  const subject = (make: () => nn.Module): Subject => ({ make: (options) => wrap(make(), options), entry: catalogue.weight[name] });
  const over = {
    linear: () => nn.linear(5), conv2d: () => nn.conv2d(5, 3), 'depthwise conv2d': () => nn.conv2d(4, 3, { groups: 4 }), convTranspose2d: () => nn.convTranspose2d(5, 3),
  };
  const taken = Object.entries(over).filter(([kind, make]) => ranksOf(subject(make)).includes(kind === 'linear' ? 2 : 4)).map(([kind]) => kind);
  const linear = subject(over.linear);
  // Training moves the vectors of spectralNorm, which the gradient holds constant: it is exact where they stay.
  return row([`\`${name}\``, taken.join(', '), tick(hasGradient(linear, inputOf(2), 'eval')), tick(hasDoubleGradient(linear, inputOf(2), 'eval')), (await backendsOf(linear, inputOf(2))).join(' ')]);
}

function line(name: string): string {
  const { use, source } = { ...catalogue.recurrent, ...catalogue.weight, ...known }[name] ?? fromComments(name);
  return `- \`${name}\`: ${use}. (${source})`;
}

async function generate(): Promise<string> {
  const rows: string[] = [];
  for (const name of layers) rows.push(await layerRow(name));
  const ruled: string[] = [];
  for (const name of rules) ruled.push(await ruleRow(name));
  return ['Layers. "Looks at": whether the output of a sample in training depends on the rest of the batch.', '',
    row(['layer', 'looks at', 'ranks', 'channels on', 'dialects', 'masks', 'gradient', 'double gradient', 'backends']), row(Array<string>(9).fill('---')), ...rows, '',
    'Rules for weights, around a layer that has one.', '',
    row(['rule', 'around', 'gradient', 'double gradient', 'backends']), row(Array<string>(5).fill('---')), ...ruled, '',
    'When to use which, and where it comes from:', '',
    ...[...layers, ...rules, ...Object.keys(catalogue.recurrent).filter((name) => name in exported)].map(line)].join('\n');
}

const BEGIN = '<!-- made by test/nn/norms/table.test.ts -->';
const END = '<!-- end -->';

test('the table in docs/normalization.md is what the layers do', async () => {
  const text = readFileSync(page, 'utf8');
  const [start, stop] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  const made = `\n${await generate()}\n`;
  if (process.env.EVENKEEL_UPDATE) writeFileSync(page, text.slice(0, start) + made + text.slice(stop));
  else expect(text.slice(start, stop), 'run EVENKEEL_UPDATE=1 npx vitest run table').toBe(made);
}, 120_000);

test('every layer trains: its gradient is right, on every backend', async () => {
  const text = readFileSync(page, 'utf8');
  for (const name of [...layers, ...rules]) {
    const found = text.split('\n').find((other) => other.startsWith(`| \`${name}\` |`));
    expect(found, name).toContain('wasm plain oracle |');
    expect(found?.split(' | ').at(-3), name).toBe(known[name]?.gradient ?? 'yes');
  }
});

test('normsOf finds every layer that normalizes activations, and no other', () => {
  for (const name of layers) {
    const make = exported[name] as Factory;
    expect(nn.isNorm(make(known[name]?.options ?? {})), name).toBe(name !== 'thresholdedLinearUnit');
  }
  for (const name of rules) expect(nn.isNorm((exported[name] as Factory)(nn.linear(2), catalogue.weight[name].options)), name).toBe(false);
});

test('the experiments notice what a layer cannot do', async () => {
  const subject = (forward: (x: Tensor, mask?: Tensor) => Tensor): Subject => ({ make: () => nn.layer((x) => forward(x)), entry: {} });
  const x = inputOf(3);
  const centered = (y: Tensor): Tensor => y.sub(y.mean([0, 1], { keepDims: true }));
  expect(hasGradient(subject(centered), x)).toBe(true);
  expect(hasGradient(subject((y) => y.sub(y.mean([0, 1], { keepDims: true }).stopGradient())), x)).toBe(false);
  expect(hasDoubleGradient(subject((y) => y.square().mul(y.stopGradient())), x)).toBe(false);
  expect([masksOf(subject(centered), 3), masksOf(subject((y) => y.tanh()), 3), axesOf(subject(centered), 3), dialectsOf(subject(centered)).length]).toEqual(['no', 'not needed', 'last', 0]);
  expect([mixesSamples(subject(centered), 3), mixesSamples(subject((y) => y.sub(y.mean(1, { keepDims: true }))), 3)]).toEqual([true, false]);
  expect(ranksOf(subject((y) => nn.batchNorm2d().forward(y)))).toEqual([4]);
});

/** Compares evenkeel with its peers on the same work, in one run, in turns, and prints the ratios.
 *
 *  npm run bench -- [--rows a,b] [--peers a,b] [--threads 2] [--rounds 5] [--json FILE] [--markdown] */

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { measureRow } from './measure.ts';
import { PeerProcess } from './peer-process.ts';
import { OURS, PEERS } from './peers.ts';
import { patience } from './quiet.ts';
import { jsonRows, machine, remarks, table, type Measured } from './report.ts';
import { ROWS } from './rows.ts';

const { values } = parseArgs({ options: {
  rows: { type: 'string' }, peers: { type: 'string' }, json: { type: 'string' },
  threads: { type: 'string', default: '2' }, rounds: { type: 'string', default: '5' },
  markdown: { type: 'boolean', default: false },
} });
const threads = whole('threads', values.threads), rounds = whole('rounds', values.rounds);
const rows = pick('rows', ROWS, values.rows);
const peers = pick('peers', PEERS, values.peers && `${OURS},${values.peers}`);
const processes = peers.map((peer) => new PeerProcess(peer, threads));
const measured: Measured[] = [], quiet = patience();
try {
  for (const row of rows) {
    process.stderr.write(`${row.name}: ${row.what}\n`);
    measured.push({ row: row.name, results: await measureRow(row, processes, rounds, quiet) });
    process.stderr.write(`${table(measured.slice(-1), 'median', false)}\n`);
  }
} finally {
  for (const child of processes) child.stop();
}

const versions = processes.filter(({ version }) => version).map(({ peer, version }) => `${peer.name}: ${version}`);
console.log([
  machine(), ...versions, '', table(measured, 'median', values.markdown), '', table(measured, 'best', values.markdown), '',
  `In brackets evenkeel's time over the peer's: below 1 evenkeel is faster.`, ...remarks(measured),
].map((line) => values.markdown && line && !line.includes('|') ? `${line}  ` : line).join('\n'));
if (values.json) await writeFile(values.json, `${JSON.stringify(jsonRows(measured), null, 1)}\n`);

function pick<T extends { readonly name: string }>(option: string, all: readonly T[], wanted: string | undefined): T[] {
  if (!wanted) return [...all];
  const names = new Set(wanted.split(',').map((name) => name.trim()));
  const known = all.filter(({ name }) => names.delete(name));
  if (names.size > 0) fail(`--${option}: unknown ${[...names].join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`);
  return known;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) fail(`--${option} ${text}: expected a whole number above 0`);
  return value;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

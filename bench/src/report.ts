/** Turns results into the table that is printed, the Markdown of the README, and the rows of the JSON file. */

import { cpus } from 'node:os';
import type { Result } from './measure.ts';
import { OURS } from './peers.ts';

export interface Measured {
  readonly row: string;
  readonly results: readonly Result[];
}

/** One line of the JSON file; `ratio` is our time over the peer's: below 1 we are faster. */
export interface JsonRow {
  readonly name: string;
  readonly peer: string;
  readonly oursMs: number | null;
  readonly peerMs: number | null;
  readonly ratio: number | null;
  readonly note?: string;
  readonly unsupported?: string;
}

export function jsonRows(measured: readonly Measured[]): JsonRow[] {
  return measured.flatMap(({ row, results }) => {
    const oursMs = results.find((result) => result.peer === OURS)?.medianMs ?? null;
    return results.filter((result) => result.peer !== OURS || results.length === 1).map((result) => {
      const peerMs = result.medianMs ?? null;
      const ratio = oursMs !== null && peerMs !== null ? oursMs / peerMs : null;
      return { name: row, peer: result.peer, oursMs, peerMs, ratio, note: result.note, unsupported: result.unsupported };
    });
  });
}

/** One row of work per line, one peer per column: milliseconds, and our time over the peer's in brackets. */
export function table(measured: readonly Measured[], markdown: boolean): string {
  const peers = measured[0].results.map((result) => result.peer);
  const lines = measured.map(({ row, results }) => [row, ...results.map((result) => cell(result, results))]);
  const all = [['ms per step', ...peers], ...lines];
  const widths = all[0].map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const padded = all.map((line) => line.map((text, column) => column ? text.padStart(widths[column]) : text.padEnd(widths[column])));
  if (!markdown) return padded.map((line) => line.join('  ')).join('\n');
  const rule = widths.map((width, column) => column ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width));
  return [padded[0], rule, ...padded.slice(1)].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** Notes of the peers and the reasons for dashes, one a line. */
export function remarks(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ row, results }) => results
    .map(({ peer, note, unsupported }) => ({ peer, text: unsupported ?? note }))
    .filter(({ text }) => text)
    .map(({ peer, text }) => `${row}, ${peer}: ${text}`));
}

export function machine(): string {
  const list = cpus();
  return `${list.length} x ${list[0]?.model.trim() ?? 'unknown processor'}, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
}

function cell(result: Result, results: readonly Result[]): string {
  if (result.medianMs === undefined) return '-';
  const ours = results.find(({ peer }) => peer === OURS)?.medianMs;
  const time = digits(result.medianMs);
  return result.peer === OURS || ours === undefined ? time : `${time} (${digits(ours / result.medianMs)}x)`;
}

/** Three significant digits. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

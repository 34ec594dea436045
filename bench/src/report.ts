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
  /** The same of the fastest iterations, which other programs on the machine disturb least. */
  readonly bestRatio: number | null;
  readonly note?: string;
  readonly unsupported?: string;
}

export function jsonRows(measured: readonly Measured[]): JsonRow[] {
  return measured.flatMap(({ row, results }) => {
    const ours = results.find((result) => result.peer === OURS);
    return results.filter((result) => result.peer !== OURS || results.length === 1).map((result) => {
      const [oursMs, peerMs] = [ours?.medianMs ?? null, result.medianMs ?? null];
      return {
        name: row, peer: result.peer, oursMs, peerMs, ratio: quotient(oursMs, peerMs),
        bestRatio: quotient(ours?.minMs ?? null, result.minMs ?? null), note: result.note, unsupported: result.unsupported,
      };
    });
  });
}

/** Which of a peer's iterations a table shows. */
export type Statistic = 'median' | 'best';

/** One row of work per line, one peer per column: milliseconds, and our time over the peer's in brackets. */
export function table(measured: readonly Measured[], statistic: Statistic, markdown: boolean): string {
  const peers = measured[0].results.map((result) => result.peer);
  const lines = measured.map(({ row, results }) => [row, ...results.map((result) => cell(result, results, statistic))]);
  const all = [[`${statistic} ms`, ...peers], ...lines];
  const widths = all[0].map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const padded = all.map((line) => line.map((text, column) => column ? text.padStart(widths[column]) : text.padEnd(widths[column])));
  if (!markdown) return padded.map((line) => line.join('  ')).join('\n');
  const rule = widths.map((width, column) => column ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width));
  return [padded[0], rule, ...padded.slice(1)].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** Notes of the peers and the reasons for dashes, one a line, after a warning if the machine was shared. */
export function remarks(measured: readonly Measured[]): string[] {
  const disturbed = measured.flatMap(({ results }) => results).reduce((sum, result) => sum + result.disturbed, 0);
  const warning = disturbed ? [`${disturbed} turns began while other programs kept the machine busy: measure again in a quiet moment.`] : [];
  return warning.concat(notes(measured));
}

function notes(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ row, results }) => results
    .map(({ peer, note, unsupported }) => ({ peer, text: unsupported ?? note }))
    .filter(({ text }) => text)
    .map(({ peer, text }) => `${row}, ${peer}: ${text}`));
}

export function machine(): string {
  const list = cpus();
  return `${list.length} x ${list[0]?.model.trim() ?? 'unknown processor'}, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
}

function cell(result: Result, results: readonly Result[], statistic: Statistic): string {
  const of = (one: Result | undefined) => (statistic === 'median' ? one?.medianMs : one?.minMs) ?? null;
  const ms = of(result);
  if (ms === null) return '-';
  const ratio = result.peer === OURS ? null : quotient(of(results.find(({ peer }) => peer === OURS)), ms);
  return ratio === null ? digits(ms) : `${digits(ms)} (${digits(ratio)}x)`;
}

function quotient(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a / b;
}

/** Three significant digits. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

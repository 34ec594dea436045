/** What a person sees while a model trains: a live bar on a terminal, plain lines everywhere else. */

/** Where the training is. */
export interface Moment {
  /** Counted from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Samples seen in this epoch, and samples in an epoch. */
  readonly samples: number;
  readonly total: number;
  /** Seconds since the epoch began. */
  readonly seconds: number;
  /** Means so far, in the order in which they are shown: loss first. */
  readonly values: Readonly<Record<string, number>>;
}

export interface Progress {
  /** After every step. */
  batch(moment: Moment): void;
  /** After an epoch and its validation. */
  epoch(moment: Moment): void;
  /** When training ends early: leaves the terminal as it should be. */
  close(): void;
}

/** The part of a terminal stream that progress needs. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** `auto` is `bar` on a terminal and `lines` elsewhere. */
export type Verbosity = 'auto' | 'bar' | 'lines' | 'silent';

const REDRAW_MS = 100;

/** @param output default: the process's standard output, or the console where there is none */
export function createProgress(verbose: Verbosity, output: Output = standardOutput()): Progress {
  switch (verbose) {
    case 'silent': return { batch: () => {}, epoch: () => {}, close: () => {} };
    case 'lines': return lines(output);
    case 'bar': return bar(output);
    case 'auto': return output.isTTY && globalThis.process?.env.TERM !== 'dumb' ? bar(output) : lines(output);
    default: return verbose satisfies never;
  }
}

function standardOutput(): Output {
  return globalThis.process?.stdout ?? { write: (text: string) => console.log(text.trimEnd()) };
}

/** A line for every tenth of an epoch. */
function lines(output: Output): Progress {
  let shown = 0;
  return {
    batch(moment) {
      const tenth = Math.floor((10 * moment.samples) / moment.total);
      if (moment.samples >= moment.total) shown = 0;
      else if (tenth > shown) {
        shown = tenth;
        output.write(`${heading(moment)}  ${`${tenth}0%`.padStart(4)}  ${figures(moment)}\n`);
      }
    },
    epoch: (moment) => void output.write(`${summary(moment)}\n`),
    close: () => {},
  };
}

/** One line that is drawn over and over, and kept when the epoch ends. */
function bar(output: Output): Progress {
  let drawn = -Infinity;
  const clear = '\r\x1b[2K';
  return {
    batch(moment) {
      const now = performance.now();
      if (now - drawn < REDRAW_MS && moment.samples < moment.total) return;
      drawn = now;
      output.write(clear + barLine(moment, (output.columns ?? 80) - 1));
    },
    epoch: (moment) => void output.write(`${clear}${summary(moment)}\n`),
    close: () => void (drawn > -Infinity && output.write(clear)),
  };
}

/** The bar takes what the figures leave, between 8 and 30 columns; where they leave less, the rate loses its unit. */
export function barLine(moment: Moment, columns: number): string {
  const [before, long] = [heading(moment), figures(moment)];
  const after = before.length + long.length + 12 <= columns ? long : long.replace(' samples/s', '/s');
  const width = Math.max(8, Math.min(30, columns - before.length - after.length - 4));
  const full = Math.round((width * moment.samples) / Math.max(moment.total, 1));
  return `${before}  ${'█'.repeat(full)}${'░'.repeat(width - full)}  ${after}`.slice(0, columns);
}

function summary(moment: Moment): string {
  return `${heading(moment)}  ${named(moment.values)}  ${rate(moment)}  ${moment.seconds.toFixed(1)} s`;
}

function heading({ epoch, epochs }: Moment): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}

function figures(moment: Moment): string {
  const left = (moment.seconds / Math.max(moment.samples, 1)) * (moment.total - moment.samples);
  return `${named(moment.values)}  ${rate(moment)}  ${clock(left)} left`;
}

function named(values: Readonly<Record<string, number>>): string {
  return Object.entries(values).map(([name, value]) => `${words(name)} ${formatValue(value)}`).join('  ');
}

/** `validationLoss` as `validation loss`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Four decimals, or powers of ten where those would show nothing. */
export function formatValue(value: number): string {
  const size = Math.abs(value);
  return Number.isFinite(value) && size > 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : value.toFixed(4);
}

function rate({ samples, seconds }: Moment): string {
  return `${Math.round(samples / Math.max(seconds, 1e-9)).toLocaleString('en-US')} samples/s`;
}

/** 83 as `1:23`. */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

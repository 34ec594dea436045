/** What a check of a normalization layer found, as data and as text. */

/** One fault of a layer, or something to know about it. */
export interface NormalizationFinding {
  /** What kind it is; stable across versions. */
  readonly code: string;
  /** A fault makes results wrong; a warning makes them fragile. */
  readonly severity: 'fault' | 'warning';
  /** What the layer does, with the numbers that were measured. */
  readonly message: string;
  /** One concrete way to mend it. */
  readonly fix: string;
}

/** What was measured on the way; undefined where it could not be. */
export interface NormalizationFacts {
  /** Axes that training takes its statistics over. */
  readonly axes?: readonly number[];
  /** Weight of the old value in the running averages. */
  readonly decay?: number;
  /** What the running variance averages. */
  readonly estimator?: 'unbiased' | 'population';
  /** What is added to the variance. */
  readonly epsilon?: number;
}

/** The result of a check. */
export interface NormalizationReport {
  /** True if there is no fault; there may be warnings. */
  readonly ok: boolean;
  readonly findings: readonly NormalizationFinding[];
  readonly facts: NormalizationFacts;
  /** All of it in words. */
  toString(): string;
}

/** In the order in which they are told. */
const FACTS = ['axes', 'decay', 'estimator', 'epsilon'] as const satisfies readonly (keyof NormalizationFacts)[];

/** @param title names the layer, the input and what was expected */
export function reportOf(title: string, findings: readonly NormalizationFinding[], facts: NormalizationFacts): NormalizationReport {
  const faults = findings.filter((finding) => finding.severity === 'fault').length;
  const warnings = findings.length - faults;
  const counts = [plural(faults, 'fault'), ...(warnings > 0 ? [plural(warnings, 'warning')] : [])].join(', ');
  const lines = findings.flatMap(({ code, severity, message, fix }, i) => [`${i + 1}. ${severity} ${code}: ${message}.`, `   Fix: ${fix}.`]);
  const measured = FACTS.filter((name) => facts[name] !== undefined).map((name) => `${name} ${formatFact(facts[name])}`);
  const text = [`${title}: ${counts}.`, ...lines, ...(measured.length > 0 ? [`Measured: ${measured.join(', ')}.`] : [])].join('\n');
  return { ok: faults === 0, findings, facts, toString: () => text };
}

function plural(count: number, word: string): string {
  return `${count === 0 ? 'no' : count} ${word}${count === 1 ? '' : 's'}`;
}

function formatFact(value: unknown): string {
  if (typeof value === 'number') return number(value);
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
}

/** Three digits are enough to tell what is meant. */
export function number(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

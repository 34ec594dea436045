/**
 * Errors are data first, text second. A `Fault` is the user's mistake and always says how to mend it; an `InternalError`
 * is a broken invariant of ours. Codes: E1xx arguments and options, E2xx shapes, E3xx layers, E4xx training,
 * E5xx files and data, E6xx running (memory, threads, NaN).
 */
export interface FaultDetail {
  /** E204 and so on; stable across versions. */
  readonly code: string;
  /** The op, layer or command that refused. */
  readonly op: string;
  /** The rule that was broken, as a sentence without its final period. */
  readonly rule: string;
  /** What was expected and what came, shapes and values spelled out; one line each. */
  readonly detail?: readonly string[];
  /** Path in the user's model. */
  readonly where?: string;
  /** One concrete fix. */
  readonly hint: string;
}

/** The user's mistake, with its fix. */
export class Fault extends Error {
  readonly code: string;
  readonly detail: FaultDetail;
  constructor(detail: FaultDetail) {
    super(formatFault(detail));
    this.name = 'Fault';
    this.code = detail.code;
    this.detail = detail;
  }
}

/** A broken invariant inside evenkeel: please report it with the text. */
export class InternalError extends Error {
  constructor(message: string) {
    super(`${message} (this is a bug in evenkeel; please report it with this text)`);
    this.name = 'InternalError';
  }
}

function formatFault(fault: FaultDetail): string {
  const lines = [`${fault.code} ${fault.op}: ${fault.rule}.`];
  for (const line of fault.detail ?? []) lines.push(`     ${line}`);
  if (fault.where) lines.push(`     in ${fault.where}`);
  lines.push(`     Fix: ${fault.hint}`);
  return lines.join('\n');
}

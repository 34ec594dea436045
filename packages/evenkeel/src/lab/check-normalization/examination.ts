/** What all checks of one layer share. */
import type { Dense } from '../../graph/index.ts';
import { variedBatch } from './arrays.ts';
import type { Expectation } from './options.ts';
import type { NormalizationFacts, NormalizationFinding } from './report.ts';
import type { Explanation } from './statistics.ts';
import type { State, Subject } from './subject.ts';

/** The axes along which factors and offsets differ. */
export interface Features {
  readonly axes: readonly number[];
  /** Sizes that a factor or offset may have: of `axes`, and of the channels. */
  readonly sizes: readonly number[];
  /** Epsilon that forms are fitted with. */
  readonly epsilon: number;
  /** The axes that a parameter of this size lies on. */
  axesFor(size: number): readonly number[] | undefined;
}

/** One layer, what is expected of it, and what has been found so far. */
export interface Examination {
  readonly subject: Subject;
  readonly expected: Expectation;
  readonly batches: readonly Dense[];
  /** Values for parameters and state in which nothing is 0 or 1. */
  readonly state: State;
  readonly features: Features;
  /** What training computes. */
  explanation?: Explanation;
  facts: NormalizationFacts;
  report(finding: NormalizationFinding): void;
  /** True if a finding of this code was reported. */
  reported(code: string): boolean;
}

/** More than the numbers that an explanation may fit freely: offset, slope, and multiples of deviation and mean. */
const BATCHES = 6;

export function examinationOf(subject: Subject, expected: Expectation, findings: NormalizationFinding[]): Examination {
  return {
    subject, expected, facts: {}, features: featuresOf(subject, expected), state: subject.varied(3),
    batches: Array.from({ length: BATCHES }, (_, i) => variedBatch(expected.shape, 100 + i)),
    reported: (code) => findings.some((finding) => finding.code === code),
    report: (finding) => { if (!findings.some((known) => known.message === finding.message)) findings.push(finding); },
  };
}

function featuresOf(subject: Subject, { shape, channelAxis, axes, batch, epsilon = 1e-5 }: Expectation): Features {
  const sizeOf = (list: readonly number[]): number => list.reduce((size, axis) => size * shape[axis], 1);
  const elements = axes.filter((axis) => axis !== 0);
  const perElement = !batch && elements.length > 0 && sizeOf(elements) !== shape[channelAxis] && [...subject.params.values()].some((param) => param.size === sizeOf(elements));
  const own = perElement ? elements : [channelAxis];
  const known = [own, [channelAxis]];
  return { axes: own, epsilon, sizes: known.map(sizeOf), axesFor: (size) => (size === 1 ? [] : known.find((list) => sizeOf(list) === size)) };
}

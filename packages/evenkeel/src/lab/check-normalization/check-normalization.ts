/** The conformance harness for normalization layers: what a layer does wrong, in words. */
import { flushEager } from '../../runtime/index.ts';
import { Buffer } from '../../tensor/index.ts';
import { Module } from '../../nn/index.ts';
import type { Model } from '../../nn/index.ts';
import { checkAffine, checkStart } from './affine.ts';
import { variedBatch } from './arrays.ts';
import { checkEdges } from './edges.ts';
import { examinationOf } from './examination.ts';
import type { Examination } from './examination.ts';
import { checkGradients } from './gradient.ts';
import { expectationOf } from './options.ts';
import type { CheckNormalizationOptions, Expectation } from './options.ts';
import { reportOf } from './report.ts';
import type { NormalizationFinding, NormalizationReport } from './report.ts';
import { checkEvaluation, checkUnused, checkUpdates } from './running.ts';
import { errorText, Subject } from './subject.ts';
import { checkPerSample, checkTraining } from './training.ts';
import { words } from './words.ts';

/**
 * Examines a normalization layer, yours or the library's, and says in words what is wrong: statistics over the wrong axes, running
 * statistics that never move, move by the wrong weight or are not used, a factor that is added, a wrong gradient, a batch of one.
 *
 *   const report = await checkNormalization(new MyBatchNorm(), { shape: [6, 5, 5, 3] });
 *   expect(report.findings, String(report)).toEqual([]);
 *
 * It computes by the f64 reference on batches whose every slice differs, and changes nothing of the layer. Check a layer without
 * activation and dropout. What normalizes groups of channels, or by a window of them, cannot be recognized.
 * @param layer  the layer, or a function that makes one; it may be new (its first input is then one of the check's) or trained
 * @throws E101 for options that cannot be
 */
export async function checkNormalization(layer: Model | (() => Model), options: CheckNormalizationOptions = {}): Promise<NormalizationReport> {
  const expected = expectationOf(options);
  // Whatever was asked for before decides what the layer holds.
  await flushEager();
  await new Buffer({ shape: [] }).read();
  const made = layer instanceof Module ? layer : layer();
  const findings: NormalizationFinding[] = [];
  const examination = examine(made, expected, findings);
  for (const part of ['scale', 'center'] as const) {
    const make = options.without?.[part];
    if (make) checkWithout(part, make, expected, examination);
  }
  const title = `${made.describe()} on [${expected.shape.join(', ')}], expected ${expected.name}`;
  return reportOf(title, findings, examination.facts);
}

function examine(layer: Model, expected: Expectation, findings: NormalizationFinding[]): Examination {
  const subject = new Subject(layer, variedBatch(expected.shape, 99));
  const examination = examinationOf(subject, expected, findings);
  const { report } = examination;
  for (const [mode, error] of subject.failures) report(words.fails(mode, errorText(error)));
  checkStart(examination);
  if (!subject.failures.has('train') && checkTraining(examination)) {
    checkAffine(examination);
    if (!expected.batch) checkPerSample(examination);
    checkGradients(examination);
    checkEdges(examination);
  }
  if (expected.batch) checkState(examination);
  checkUnused(examination);
  return examination;
}

function checkState(examination: Examination): void {
  const { failures } = examination.subject;
  const followers = failures.has('train') ? [] : checkUpdates(examination);
  if (!failures.has('eval')) checkEvaluation(examination, followers);
}

/** The layer without its factor or offset: it must run, and not have that part. */
function checkWithout(part: 'scale' | 'center', make: () => Model, expected: Expectation, { report }: Examination): void {
  const subject = new Subject(make(), variedBatch(expected.shape, 98));
  for (const [mode, error] of subject.failures) report(words.without(part, `${mode === 'train' ? 'training' : 'evaluation'} stops with ${errorText(error)}`));
  if (subject.failures.has('train')) return;
  const examination = examinationOf(subject, expected, []);
  if (!checkTraining(examination)) return report(words.without(part, 'the output is not what it should be'));
  const { factors, offsets } = checkAffine(examination);
  const left = part === 'scale' ? factors : offsets;
  if (left.length > 0) report(words.without(part, `${left.join(' and ')} is there all the same`));
}

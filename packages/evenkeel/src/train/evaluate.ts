/** How good a model is on a dataset. */
import { loader } from '../data/index.ts';
import type { Batch, Dataset } from '../data/index.ts';
import type { Model } from '../nn/index.ts';
import { compile } from '../tensor/index.ts';
import type { Step } from '../tensor/index.ts';
import { faults } from './faults.ts';
import { Means } from './means.ts';
import { measureOf } from './objective.ts';
import type { Objective } from './objective.ts';

/** What is measured, and how. */
export interface EvaluateOptions extends Objective {
  /** Default 128. */
  readonly batchSize?: number;
  /** Run slowly and name the first op that makes NaN or infinity. Default false. */
  readonly debug?: boolean;
}

/**
 * Loss and metrics of the model in evaluation mode, as means over all samples.
 * @param data  batches with the columns x and y
 * @throws E421 for no samples; E422 for other columns; what the model's layers throw
 */
export async function evaluate(model: Model, data: Dataset | Promise<Dataset>, options: EvaluateOptions): Promise<Record<string, number>> {
  const step = evaluationStep('evaluate', model, options);
  try {
    return await runEvaluation('evaluate', step, await data, options.batchSize ?? 128);
  } finally {
    step.dispose();
  }
}

/** A step from x and y to loss and metrics. */
export function evaluationStep(op: string, model: Model, options: EvaluateOptions): Step<string> {
  const measure = measureOf(op, options);
  return compile<string>(op, ({ x, y }) => measure(model.forward(x), y), { mode: 'eval', debug: options.debug });
}

/** Means over the dataset. `onBatch` may end it early by returning false. */
export async function runEvaluation(op: string, step: Step<string>, data: Dataset, batchSize: number, onBatch?: () => Promise<boolean>): Promise<Record<string, number>> {
  if (data.length === 0) throw faults.empty(op, 'the data');
  const means = new Means();
  for await (const batch of loader(data, { batchSize })) {
    const { x, y } = columnsOf(op, batch);
    means.add(await step({ x, y }), y.shape[0]);
    if (onBatch && !(await onBatch())) break;
  }
  return means.values();
}

/** @throws E422 */
export function columnsOf(op: string, batch: Batch): Pick<Batch, 'x' | 'y'> {
  const { x, y } = batch;
  if (!x || !y) throw faults.columns(op, Object.keys(batch));
  return { x, y };
}

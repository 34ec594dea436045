/** `evenkeel train`: trains one of the models on MNIST, shows how it goes, and saves what came out. */
import { availableParallelism } from 'node:os';
import { mnist } from '../data/index.ts';
import { modelSize, summary } from '../nn/index.ts';
import { Adam } from '../optim/index.ts';
import { backendName, configure, shutdown } from '../runtime/index.ts';
import { checkWritable, fit, formatValue, saveWeights, writeWhole } from '../train/index.ts';
import type { History, Output } from '../train/index.ts';
import { models } from './models/index.ts';
import { parseTrainOptions } from './train-options.ts';
import type { TrainOptions } from './train-options.ts';
import { TRAIN_USAGE } from './usage.ts';

/** Exit code after Ctrl-C. */
const INTERRUPTED = 130;

/** @returns the exit code @throws Faults for options, files and data */
export async function train(args: readonly string[], output: Output): Promise<number> {
  const options = parseTrainOptions(args);
  if (!options) {
    output.write(TRAIN_USAGE);
    return 0;
  }
  for (const path of [options.out, options.json]) if (path !== undefined) await checkWritable(path);
  await configure(options.device);
  const interruption = interruptible(output);
  try {
    return await trainModel(options, output, interruption.signal);
  } finally {
    interruption.end();
    await shutdown();
  }
}

async function trainModel(options: TrainOptions, output: Output, signal: AbortSignal): Promise<number> {
  const { model: name, epochs, batch, rate, schedule, seed, norm, limit, data: dir } = options;
  const [data, test] = await Promise.all([mnist.train({ dir, limit }), mnist.test({ dir, limit })]);
  const model = models[name]({ norm, seed });
  output.write(`${name} on the ${backendName()} backend\n\n${summary(model)}\n\n`);
  output.write(`${data.length.toLocaleString('en-US')} samples, ${test.length.toLocaleString('en-US')} for testing; batch ${batch}, rate ${rate} (${schedule}), seed ${seed}\n`);
  const history = await fit(model, data, {
    loss: 'crossEntropy', optimizer: new Adam({ rate }), metrics: ['accuracy'], schedule, epochs, batchSize: batch, validation: test, seed, signal, output,
  });
  await saveWeights(model, options.out);
  const result = results(options, history, modelSize(model).parameters);
  const when = history.stopped ? ` after epoch ${history.epochs.length}` : '';
  if (result.testAccuracy !== undefined) output.write(`test loss ${formatValue(result.testLoss!)}, test accuracy ${formatValue(result.testAccuracy)}${when}\n`);
  output.write(`weights saved to ${options.out}\n`);
  if (options.json !== undefined) await writeWhole(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
  return history.stopped === 'signal' ? INTERRUPTED : 0;
}

interface Results {
  readonly testAccuracy?: number;
  readonly testLoss?: number;
  /** Training alone, one entry an epoch. */
  readonly epochSeconds: readonly number[];
  readonly samplesPerSecond: number;
  readonly firstStepSeconds: number;
  readonly [setting: string]: unknown;
}

function results(options: TrainOptions, history: History, parameters: number): Results {
  const { model, epochs, batch, rate, schedule, seed, norm, device } = options;
  const last = history.epochs.at(-1)?.values;
  return {
    model, testAccuracy: last?.validationAccuracy, testLoss: last?.validationLoss,
    epochSeconds: history.epochs.map(({ seconds }) => seconds), samplesPerSecond: history.samplesPerSecond, firstStepSeconds: history.firstStepSeconds,
    seed, threads: device.threads ?? availableParallelism(), epochs, batch, rate, schedule, norm, parameters, backend: backendName(), stopped: history.stopped,
  };
}

/** The first Ctrl-C ends training after the current step, so that the weights are saved; the second ends the process. */
function interruptible(output: Output): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    output.write('\nstopping after this step; press Ctrl-C again to quit at once\n');
    controller.abort();
  };
  process.once('SIGINT', stop);
  return { signal: controller.signal, end: () => void process.off('SIGINT', stop) };
}

/** What a model is measured by: a loss and metrics, by name or as functions. */
import type { Tensor } from '../tensor/index.ts';
import { faults } from './faults.ts';
import { losses } from './losses/index.ts';
import type { Loss } from './losses/index.ts';
import { metrics as known } from './metrics/index.ts';
import type { Metric } from './metrics/index.ts';

/** A loss to train on and metrics to watch. */
export interface Objective {
  /** `crossEntropy` (logits against class numbers), `mse`, or a function of output and target. */
  readonly loss: keyof typeof losses | Loss;
  /** Names (`accuracy`, `mae`), or functions under names of your own. Default: none. */
  readonly metrics?: readonly (keyof typeof known)[] | Readonly<Record<string, Metric>>;
}

/** Loss first, then the metrics, for one batch. */
export type Measure = (output: Tensor, target: Tensor) => Record<string, Tensor> & { readonly loss: Tensor };

/** @throws E101 for a name that does not exist */
export function measureOf(op: string, { loss, metrics = [] }: Objective): Measure {
  const lossOf = typeof loss === 'function' ? loss : named(op, 'loss', losses, loss);
  const chosen = Array.isArray(metrics)
    ? metrics.map((name: string) => [name, named(op, 'metric', known, name)] as const)
    : Object.entries(metrics as Readonly<Record<string, Metric>>);
  return (output, target) => ({ loss: lossOf(output, target), ...Object.fromEntries(chosen.map(([name, metric]) => [name, metric(output, target)])) });
}

function named<T>(op: string, kind: string, table: Readonly<Record<string, T>>, name: string): T {
  if (!Object.hasOwn(table, name)) throw faults.unknown(op, kind, name, Object.keys(table));
  return table[name];
}

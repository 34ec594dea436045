/** What training refuses, in words: one function per code. */
import { Fault, formatShape } from '../base/index.ts';
import type { DType, Shape } from '../base/index.ts';

interface Kept { readonly dtype: DType; readonly shape: Shape }

export const faults = {
  /** E101: a name that is not in a list. */
  unknown(op: string, kind: string, got: unknown, known: readonly string[]): Fault {
    return new Fault({ code: 'E101', op, rule: `there is no ${kind} "${String(got)}"`, detail: [`known: ${known.join(', ')}`], hint: `choose one of them, or pass a function (output, target) => tensor` });
  },
  /** E101: a count out of range. */
  count(op: string, name: string, got: number): Fault {
    return new Fault({ code: 'E101', op, rule: `${name} must be a whole number from 1`, detail: [`got ${got}`], hint: `for example ${name}: 10` });
  },
  /** E421: no samples. */
  empty(op: string, what: string): Fault {
    return new Fault({ code: 'E421', op, rule: `${what} has no samples`, hint: 'check how it was loaded; with dropLast, choose a batch size below its length' });
  },
  /** E422: batches without x or y. */
  columns(op: string, got: readonly string[]): Fault {
    return new Fault({ code: 'E422', op, rule: 'batches must have the columns x and y', detail: [`got ${got.join(', ') || 'no columns'}`], hint: 'name the inputs x and the targets y, or write the loop yourself with compile()' });
  },
  /** E422: batches without x. */
  inputColumn(op: string, got: readonly string[]): Fault {
    return new Fault({ code: 'E422', op, rule: 'batches must have the column x', detail: [`got ${got.join(', ') || 'no columns'}`], hint: 'name the inputs of the model x' });
  },
  /** E424: a normalization whose own output reaches it again. */
  circular(path: string): Fault {
    return new Fault({ code: 'E424', op: 'recalibrate', rule: 'a normalization must not be called on something computed from its own output', detail: [`${path} is, so there are no statistics to begin with`],
      hint: 'give each call a layer of its own (they may share scale and shift), or let training move the running statistics' });
  },
  /** E425: statistics that are not finite. */
  infinite(path: string): Fault {
    return new Fault({ code: 'E425', op: 'recalibrate', rule: 'the values that reach a normalization must be finite', detail: [`those of ${path} are not`],
      hint: 'look for NaN or infinity in the data; evaluate(model, data, { debug: true }) names the first op that makes them' });
  },
  /** E423: a loss that cannot be trained on. */
  notFinite(epoch: number, batch: number, loss: number): Fault {
    return new Fault({ code: 'E423', op: 'fit', rule: `the loss became ${loss}`, detail: [`epoch ${epoch}, batch ${batch}`],
      hint: 'lower the rate, clip gradients (clipNorm: 1), check the data; { debug: true } names the first op that made it' });
  },
  /** E501: a file that is not there or may not be read. */
  unreadable(path: string, reason: string): Fault {
    return new Fault({ code: 'E501', op: path, rule: `the file cannot be read (${reason})`, hint: 'check the path' });
  },
  /** E507: a file that cannot be written. */
  unwritable(path: string, reason: string): Fault {
    return new Fault({ code: 'E507', op: path, rule: `the file cannot be written (${reason})`, hint: 'choose a folder that exists and that you may write to' });
  },
  /** E509: saved weights of another model, by name. */
  names(source: string, missing: readonly string[], extra: readonly string[]): Fault {
    const some = (names: readonly string[]): string => names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '');
    const detail = [...(missing.length > 0 ? [`the file lacks ${some(missing)}`] : []), ...(extra.length > 0 ? [`the model lacks ${some(extra)}`] : [])];
    return new Fault({ code: 'E509', op: source, rule: 'the file and the model must have the same tensors', detail, hint: 'build the model as it was when the file was saved' });
  },
  /** E510: a saved tensor of another shape or dtype. */
  tensor(source: string, name: string, model: Kept, file: Kept): Fault {
    const text = ({ dtype, shape }: Kept): string => `${dtype} ${formatShape(shape)}`;
    return new Fault({ code: 'E510', op: source, rule: `"${name}" must have the shape and dtype that it has in the model`, detail: [`model ${text(model)}   file ${text(file)}`], hint: 'build the model as it was when the file was saved' });
  },
};

/** Compiled steps on tensors. */
import { Fault } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import type { Plan } from '../compiler/index.ts';
import { dtypeOf, GraphStep } from '../runtime/index.ts';
import type { CompileOptions, Feed, Mode, Result, Variable } from '../runtime/index.ts';
import * as nodes from './nodes/index.ts';
import { Tensor } from './tensor.ts';

/** What a step is called with: a tensor, a typed array (one axis), a number, or values with their shape. */
export type StepInput = Tensor | TypedArray | number | { readonly data: TypedArray; readonly shape: Shape; readonly dtype?: DType };

/** A plain number if the output is a scalar, else a tensor that holds its values already; the type allows both uses. */
export type StepValue = number & Tensor;

/** A compiled step. Calls run in order; the inputs must stay unchanged until the promise resolves. */
export interface Step<O extends string = string> {
  /** @throws E401, E402 for inputs that do not fit; whatever tracing throws. Refs then keep their values. */
  (inputs?: Readonly<Record<string, StepInput>>): Promise<{ readonly [K in O]: StepValue }>;
  readonly stepName: string;
  readonly mode: Mode;
  /** The plans that are kept, one for each kind of input, the one used last at the end; empty before the first call and under the oracle. */
  readonly plans: readonly Plan[];
  /** Counts the runs that drew random numbers; save it to continue the same sequence. */
  readonly counter: Variable;
  /** Says for every kernel of every plan its bytes and operations, and why it was not fused further. */
  explain(): Promise<string>;
  /** Frees the plans. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes a step: `fn` is traced once for each kind of inputs (names, shapes, dtypes) and then runs as one program. Everything it
 * assigns to refs takes effect together when the run succeeds.
 * @param name     shown in errors and explanations
 * @param fn       describes the step in tensors and returns what to read back; not async
 * @param options  mode: 'train' (default) or 'eval'; debug: run slowly and name the first op that makes NaN or infinity; keepPlans:
 *                 how many plans for other kinds of inputs to keep, default 16
 */
export function compile<O extends string = never>(
  name: string,
  fn: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<O, Tensor>> | void,
  options: CompileOptions = {},
): Step<O> {
  const step = new GraphStep(name, (inputs) => {
    const returned = fn(mapValues(inputs, (node) => new Tensor(node)));
    if (returned instanceof Promise) return returned;
    return mapValues((returned ?? {}) as Record<string, Tensor | number>, nodeOfOutput(name));
  }, options);
  const call = async (inputs: Readonly<Record<string, StepInput>> = {}): Promise<{ readonly [K in O]: StepValue }> => {
    const feeds: Record<string, Feed> = {};
    for (const key of Object.keys(inputs)) {
      const feed = feedOf(name, key, inputs[key]);
      // Waiting for nothing would let later calls overtake this one.
      feeds[key] = feed instanceof Promise ? await feed : feed;
    }
    return mapValues(await step.run(feeds), valueOf) as { readonly [K in O]: StepValue };
  };
  return Object.defineProperties(call, {
    stepName: { value: name }, mode: { value: step.mode }, counter: { value: step.counter }, plans: { get: () => step.plans },
    explain: { value: () => step.explain() }, dispose: { value: () => step.dispose() }, [Symbol.dispose]: { value: () => step.dispose() },
  }) as Step<O>;
}

function nodeOfOutput(step: string): (value: Tensor | number, key: string) => Tensor['node'] {
  return (value, key) => {
    if (typeof value === 'number') return nodes.full(value);
    if (value instanceof Tensor) return value.node;
    throw new Fault({
      code: 'E408', op: step, rule: `output "${key}" must be a tensor`, detail: [`got ${value === null ? 'null' : typeof value}`],
      hint: 'return an object of tensors, for example { loss }',
    });
  };
}

function feedOf(step: string, key: string, input: StepInput): Feed | Promise<Feed> {
  if (typeof input === 'number') return { data: Float32Array.of(input), shape: [], dtype: 'f32' };
  if (input instanceof Tensor) {
    const { shape, dtype, known } = input;
    return known ? { data: known, shape, dtype } : input.data().then((data) => ({ data, shape, dtype }));
  }
  if (ArrayBuffer.isView(input)) return { data: input, shape: [input.length], dtype: dtypeOf(input) };
  if (typeof input === 'object' && input !== null && ArrayBuffer.isView(input.data)) {
    return { data: input.data, shape: input.shape ?? [input.data.length], dtype: input.dtype ?? dtypeOf(input.data) };
  }
  throw new Fault({
    code: 'E401', op: step, rule: `input "${key}" must be a tensor, a typed array, a number or { data, shape }`,
    detail: [`got ${input === null ? 'null' : typeof input}`],
    hint: 'wrap plain arrays with tensor(...)',
  });
}

function valueOf({ data, shape, dtype }: Result): number | Tensor {
  return shape.length === 0 ? data[0] : new Tensor(nodes.constant(data, shape, dtype));
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, fn: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fn(value, key)]));
}

/** What calls what in a model: one forward, traced without computing anything. */
import { topological } from '../../graph/index.ts';
import type { Node } from '../../graph/index.ts';
import { Trace, tracing } from '../../runtime/index.ts';
import { Tensor, zeros } from '../../tensor/index.ts';
import type { InputSpec, Module } from '../module.ts';
import { operationFaults } from './faults.ts';

/** One call of a module. */
export interface Call {
  readonly path: string;
  readonly module: Module;
  /** Everything it was given; usually one tensor. */
  readonly inputs: readonly unknown[];
  /** What it gave; undefined if that was not one tensor. */
  readonly output: Tensor | undefined;
  /** What its own forward gave, before anything that surrounds it (insertAfter) changed it. */
  readonly own: Tensor | undefined;
}

/** The calls of a forward in the order in which they ended, children before parents, and what came out. */
export interface TracedCalls { readonly calls: readonly Call[]; readonly outputs: readonly Tensor[] }

type Forward = (...inputs: unknown[]) => unknown;

/**
 * Runs the forward of a model in evaluation mode on zeros of the shapes it was last called with, and notes every call inside.
 * @throws E363 for a model that was neither built nor run
 */
export function traceCalls(model: Module, inputs: readonly InputSpec[] | undefined = model.inputs): TracedCalls {
  if (!inputs) throw operationFaults.notRun('traceCalls', model.describe());
  const run = (): unknown => tracing(new Trace('eval'), () => forwardOf(model)!(...inputs.map(({ shape, dtype }) => zeros(shape, dtype))));
  // A first forward also sets things up, which is not what is asked about.
  if (!model.inputs) run();
  const calls: Call[] = [];
  const running: { own: unknown }[] = [];
  const undo = model.modules().map(([path, module]) => listen(path, module, calls, running));
  try {
    return { outputs: tensorsIn(run()), calls };
  } finally {
    for (const restore of undo) restore();
  }
}

/** Lets every part see the shapes again, so that new ones get their sizes. False if the model has not been called with tensors yet. */
export function retrace(model: Module): boolean {
  const { inputs } = model;
  if (inputs) tracing(new Trace('eval'), () => forwardOf(model)!(...inputs.map(({ shape, dtype }) => zeros(shape, dtype))));
  return inputs !== undefined;
}

/** Nodes that `node` is computed from, itself included. */
export function ancestors(node: Node): ReadonlySet<Node> {
  return new Set(topological([node]));
}

function forwardOf(module: Module): Forward | undefined {
  return Reflect.get(module, 'forward') as Forward | undefined;
}

function listen(path: string, module: Module, calls: Call[], running: { own: unknown }[]): () => void {
  const forward = forwardOf(module);
  if (!forward) return () => undefined;
  const release = module.surround((call) => {
    const own = call();
    running.at(-1)!.own = own;
    return own;
  });
  Reflect.set(module, 'forward', (...inputs: unknown[]) => {
    const frame: { own: unknown } = { own: undefined };
    running.push(frame);
    const output = forward.apply(module, inputs);
    running.pop();
    calls.push({ path, module, inputs, output: oneTensor(output), own: oneTensor(frame.own) });
    return output;
  });
  return () => {
    Reflect.set(module, 'forward', forward);
    release();
  };
}

function oneTensor(value: unknown): Tensor | undefined {
  return value instanceof Tensor ? value : undefined;
}

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}

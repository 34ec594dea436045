/** What is being traced: the mode, the place in the user's model, the refs' next values, and where random draws come from. */
import { Fault, InternalError } from '../base/index.ts';
import { make, ops } from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { Variable } from './variable.ts';

/** What layers such as dropout and batch normalization do. */
export type Mode = 'train' | 'eval';

/** A flag that the host looks at after every run of a step. */
export interface Warning {
  /** A scalar; not 0 where there is something to say. */
  readonly flag: Node;
  readonly text: string;
  /** Whatever the warning is about: it is said once for each. */
  readonly about: object;
}

export class Trace {
  mode: Mode;
  /** New values of variables, committed together when the step succeeds. */
  readonly assigns = new Map<Variable, Node>();
  /** Exclusive upper limits of inputs that index something. */
  readonly limits = new Map<Node, number>();
  /** Values that stand for those of variables while some code runs. */
  private readonly substitutes = new Map<Variable, Node>();
  /** What layers remember while this step is traced, by keys of their own. */
  readonly notes = new Map<unknown, unknown>();
  /** What compiled steps may have to tell after a run. */
  readonly warnings: Warning[] = [];
  private readonly path: string[] = [];
  /** Weak, because the trace of eager code lives as long as the process. */
  private readonly reads = new WeakMap<Variable, { readonly version: number; readonly node: Node }>();
  private readonly counter: Variable | undefined;
  private sites = 0;
  private steps = 0;

  /** @param counter counts the steps for random draws; without it (eager code) every draw is a step of its own */
  constructor(mode: Mode, counter?: Variable) {
    this.mode = mode;
    this.counter = counter;
  }

  /** True outside compiled steps, where every call is a step of its own. */
  get eager(): boolean {
    return this.counter === undefined;
  }

  /** The path in the user's model now. */
  where(): string | undefined {
    return this.path.length > 0 ? this.path.join('.') : undefined;
  }

  inside<T>(label: string, fn: () => T): T {
    this.path.push(label);
    try {
      return fn();
    } finally {
      this.path.pop();
    }
  }

  /** The variable's value as this trace sees it: what stands for it, what was assigned last, or what it holds when the step starts. */
  read(variable: Variable): Node {
    return this.substitutes.get(variable) ?? this.assigns.get(variable) ?? this.before(variable);
  }

  /** Runs `fn`, in which reads of `variable` give `value`. */
  substituting<T>(variable: Variable, value: Node, fn: () => T): T {
    const outer = this.substitutes.get(variable);
    this.substitutes.set(variable, value);
    try {
      return fn();
    } finally {
      if (outer) this.substitutes.set(variable, outer);
      else this.substitutes.delete(variable);
    }
  }

  /** The variable's value when the step starts. */
  before(variable: Variable): Node {
    const known = this.reads.get(variable);
    if (known?.version === variable.version) return known.node;
    const node: Node = make(ops.ref, [], { ref: variable }, variable.name);
    versions.set(node, variable.version);
    this.reads.set(variable, { version: variable.version, node });
    return node;
  }

  assign(variable: Variable, value: Node): void {
    this.assigns.set(variable, value);
  }

  /** A number for the next random call site. */
  site(): number {
    return this.sites++;
  }

  /** The number of the step, a u32 scalar that random draws depend on. */
  step(): Node {
    if (!this.counter) return make(ops.constant, [], { data: Uint32Array.of(this.steps++), shape: [], dtype: 'u32' as const });
    const now = this.before(this.counter);
    if (!this.assigns.has(this.counter)) {
      this.assign(this.counter, make(ops.add, [now, make(ops.full, [], { value: 1, shape: [], dtype: 'u32' as const })], {}));
    }
    return now;
  }
}

/** The version of the variable that a ref node was made for. */
const versions = new WeakMap<Node, number>();

/** @throws E403 if the variable behind a ref node has a newer value than the one it was made for */
export function checkFresh(node: Node): void {
  const { ref } = node.attrs as { readonly ref: object };
  if (!(ref instanceof Variable)) throw new InternalError(`a ref node holds ${String(ref)}`);
  const version = versions.get(node);
  if (version === undefined || version === ref.version) return;
  throw new Fault({
    code: 'E403', op: ref.name, rule: 'this tensor was built on an earlier value, which has been overwritten since',
    where: node.where, hint: 'read the tensor before the step or write that changes the ref, or build it again from ref.value',
  });
}

const eager = new Trace('eval');
const traces: Trace[] = [];

/** The innermost trace, or the one of eager code. */
export function currentTrace(): Trace {
  return traces.at(-1) ?? eager;
}

/** The trace of code outside compiled steps. */
export function eagerTrace(): Trace {
  return eager;
}

/** Runs `fn` (which must not be async) under `trace`. */
export function tracing<T>(trace: Trace, fn: () => T): T {
  traces.push(trace);
  try {
    return fn();
  } finally {
    traces.pop();
  }
}

/** Runs `fn` with `label` added to the path that errors and the NaN detective show. */
export function withPath<T>(label: string, fn: () => T): T {
  return currentTrace().inside(label, fn);
}

/** Eager code in another mode: layers called inside `fn` behave as in a step of that mode. */
export function withMode<T>(mode: Mode, fn: () => T): T {
  const outer = currentTrace();
  if (outer.mode === mode) return fn();
  if (outer !== eager) {
    throw new Fault({ code: 'E407', op: 'withMode', rule: 'a compiled step has one mode', hint: `compile a second step with { mode: '${mode}' }` });
  }
  const before = outer.mode;
  outer.mode = mode;
  try {
    return fn();
  } finally {
    outer.mode = before;
  }
}

/** Takes the assignments that eager code has made; the next run commits them. */
export function takeEagerAssigns(): Map<Variable, Node> {
  const taken = new Map(eager.assigns);
  eager.assigns.clear();
  return taken;
}

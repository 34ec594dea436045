/** A layer under examination: traced again and again, and computed by the f64 reference with whatever state a probe wants. */
import { Fault, RandomStream } from '../../base/index.ts';
import { dense, evaluate, grad, make, ops } from '../../graph/index.ts';
import type { Dense, Node } from '../../graph/index.ts';
import type { Model } from '../../nn/index.ts';
import { Trace, tracing, Variable } from '../../runtime/index.ts';
import type { Mode } from '../../runtime/index.ts';
import { Param, Tensor } from '../../tensor/index.ts';
import type { Ref } from '../../tensor/index.ts';

/** Values of refs in place of those they hold. */
export type State = ReadonlyMap<Ref, Float64Array>;

/** One forward. */
export interface Run {
  readonly y: Float64Array;
  readonly shape: readonly number[];
  /** What the layer assigned: the next values of refs. */
  readonly next: ReadonlyMap<Ref, Float64Array>;
}

/** Nothing here changes the layer: what it assigns is looked at and dropped. */
export class Subject {
  readonly layer: Model;
  /** Parameters and buffers by path; empty while the layer has none because its first forward failed. */
  readonly refs: ReadonlyMap<string, Ref>;
  /** Why the layer cannot run, by mode. */
  readonly failures: ReadonlyMap<Mode, unknown>;
  private readonly counter = new Variable({ shape: [], dtype: 'u32', name: 'check' });

  /** Builds the layer by its first forward. */
  constructor(layer: Model, x: Dense) {
    this.layer = layer;
    const failures = new Map<Mode, unknown>();
    for (const mode of ['train', 'eval'] as const) {
      try {
        this.trace(x, mode);
      } catch (error) {
        failures.set(mode, error);
      }
    }
    this.failures = failures;
    this.refs = refsOf(layer);
  }

  get params(): ReadonlyMap<string, Param> {
    return new Map([...this.refs].filter((entry): entry is [string, Param] => entry[1] instanceof Param));
  }

  /** All f32 refs with several values in 0.5 .. 1.5, so that nothing is hidden by a 0 or a 1. */
  varied(seed: number): Map<Ref, Float64Array> {
    const random = new RandomStream(seed, 'state');
    const wide = [...this.refs.values()].filter((ref) => ref.dtype === 'f32' && (ref instanceof Param || ref.size > 1));
    return new Map(wide.map((ref) => [ref, Float64Array.from({ length: ref.size }, () => 0.5 + random.uniform())]));
  }

  /** What the layer makes of x. @throws what the layer throws */
  run(x: Dense, mode: Mode, state: State = new Map()): Run {
    const { y, trace } = this.trace(x, mode);
    const assigned = [...trace.assigns].filter(([variable]) => variable !== this.counter);
    const [value, ...next] = this.evaluate([y, ...assigned.map(([, node]) => node)], x, state);
    const byVariable = new Map([...this.refs.values()].map((ref) => [ref.variable, ref]));
    const known = assigned.flatMap(([variable], i) => (byVariable.has(variable) ? [[byVariable.get(variable)!, next[i].data] as const] : []));
    return { y: value.data, shape: y.shape, next: new Map(known) };
  }

  /** Gradients of sum(y * weights) in training: of x, then of `refs`. With `probe` those of sum(dx * probe), of x alone. */
  gradients(x: Dense, weights: Dense, refs: readonly Ref[], state: State, probe?: Dense): Float64Array[] {
    const { input, y, trace } = this.trace(x, 'train');
    const weigh = (node: Node, by: Dense): Node => {
      const constant = make(ops.constant, [], { data: by.data as never, shape: by.shape, dtype: 'f32' as const });
      return make(ops.reduce, [make(ops.mul, [node, constant], {})], { monoid: 'sum', field: 'value', axes: by.shape.map((_, axis) => axis) });
    };
    const first = grad(weigh(y, weights), [input, ...refs.map((ref) => trace.before(ref.variable))]);
    const wanted = probe ? grad(weigh(first[0], probe), [input]) : first;
    return this.evaluate(wanted, x, state).map((value) => value.data);
  }

  private trace(x: Dense, mode: Mode): { readonly input: Node; readonly y: Node; readonly trace: Trace } {
    const input: Node = make(ops.input, [], { slot: 0, shape: x.shape, dtype: 'f32' as const });
    const trace = new Trace(mode, this.counter);
    const y = tracing(trace, () => this.layer.forward(new Tensor(input)));
    return { input, y: y.node, trace };
  }

  private evaluate(nodes: readonly Node[], x: Dense, state: State): Dense[] {
    const byVariable = new Map([...state].map(([ref, values]) => [ref.variable, values]));
    return evaluate(nodes, {
      input: () => x,
      ref: (slot) => {
        const variable = slot as Variable;
        return dense(variable.shape, byVariable.get(variable) ?? variable.peek());
      },
    });
  }
}

/** What an error says, on one line. */
export function errorText(error: unknown): string {
  if (error instanceof Fault) return [error.message.split('\n')[0], ...error.detail.detail ?? []].join(' ').replace(/\.( |$)/g, ';$1').replace(/;$/, '');
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function refsOf(layer: Model): Map<string, Ref> {
  try {
    return new Map<string, Ref>([...layer.namedParams(), ...layer.namedBuffers()]);
  } catch {
    return new Map();
  }
}

/** A step: traced once for each kind of input, run as one program every time it is called. */
import { Fault, formatShape } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import type { Plan } from '../compiler/index.ts';
import { make, ops, topological } from '../graph/index.ts';
import type { Node, Program } from '../graph/index.ts';
import { checkBound, checkFeed } from './feed.ts';
import type { Feed } from './feed.ts';
import { flushEager } from './realize.ts';
import { generation, prepare } from './runner.ts';
import type { Runner } from './runner.ts';
import { queue, structureVersion } from './state.ts';
import { Interner, sameKey, structureOf } from './structure.ts';
import type { Structure } from './structure.ts';
import { Trace, tracing } from './trace.ts';
import type { Mode, Warning } from './trace.ts';
import { Variable } from './variable.ts';

export interface CompileOptions {
  /** What layers such as dropout and batch normalization do; default 'train'. */
  readonly mode?: Mode;
  /** Run by the f64 reference and name the first node that makes NaN or infinity; slow. Default false. */
  readonly debug?: boolean;
  /**
   * Plans kept for calls with other inputs (names, shapes, dtypes) or other layers frozen; the one used longest ago is freed for
   * a new one, and made again when it is needed. Default 16: a few lengths of sequences or sizes of images, each with a last batch.
   */
  readonly keepPlans?: number;
}

export interface Result {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What the step computes, as a function of its named inputs. It must not be async. */
export type StepFunction = (inputs: Readonly<Record<string, Node>>) => Readonly<Record<string, Node>> | Promise<unknown> | void;

const KEEP_PLANS = 16;
/** Words that a step interns before it forgets those of plans that are gone: every shape and every number in a trace is one. */
const MOST_WORDS = 10_000;

/** What was warned about. */
const warned = new WeakSet<object>();

/** What steps call their inputs. */
const inputNames = new WeakMap<Node, string>();

interface Compiled {
  readonly names: readonly string[];
  readonly outputs: readonly string[];
  readonly program: Program;
  /** Exclusive limits of inputs that index something, by slot. */
  readonly limits: ReadonlyMap<number, number>;
  /** Their flags are outputs after those that the user named. */
  readonly warnings: readonly Warning[];
  /** Equal for traces that one plan can run. */
  structure: Structure;
  runner: Runner;
  generation: unknown;
}

/** A compiled step on graph nodes; `compile` of the tensor floor puts tensors around it. */
export class GraphStep {
  readonly name: string;
  readonly mode: Mode;
  /** Counts the runs that drew random numbers; save it to continue the same sequence. */
  readonly counter: Variable;
  private readonly fn: StepFunction;
  private readonly debug: boolean;
  /** By names, shapes and dtypes of the inputs, as traced under `version`. */
  private readonly signatures = new Map<string, Compiled>();
  private version = 0;
  private readonly keepPlans: number;
  /** The one used last comes last. */
  private compiled: Compiled[] = [];
  private interner = new Interner();

  /** @throws E101 for a number of plans that is not a whole one from 1 */
  constructor(name: string, fn: StepFunction, options: CompileOptions = {}) {
    this.name = name;
    this.fn = fn;
    this.mode = options.mode ?? 'train';
    this.debug = options.debug ?? false;
    this.keepPlans = checkCount(name, options.keepPlans ?? KEEP_PLANS);
    this.counter = new Variable({ shape: [], dtype: 'u32', name: `${name}.step` });
  }

  /** The plans that are kept, one for each signature of the inputs, the one used last at the end; empty under the oracle. */
  get plans(): readonly Plan[] {
    return this.compiled.flatMap((c) => (c.runner.plan ? [c.runner.plan] : []));
  }

  /**
   * Runs the step; the feeds must stay unchanged until the promise resolves. Calls are carried out in order.
   * @throws E401, E402 for inputs that do not fit; whatever tracing throws. Refs then keep their values.
   */
  run(feeds: Readonly<Record<string, Feed>>): Promise<Record<string, Result>> {
    const flushed = flushEager();
    // It is ahead in the queue, so it is settled when the step's turn comes, and a failure is thrown there.
    flushed.catch(() => undefined);
    return queue.add(async () => {
      await flushed;
      return this.runNow(feeds);
    });
  }

  /** What the compiler says about every plan. */
  async explain(): Promise<string> {
    if (this.plans.length === 0) return `${this.name}: no plans yet`;
    const { explain } = await import('../compiler/index.ts');
    return this.plans.map((plan) => explain(plan)).join('\n');
  }

  /** Frees the plans, after the runs that were asked for before. */
  dispose(): void {
    if (queue.idle) this.free();
    else void queue.add(() => this.free());
  }

  private free(): void {
    for (const { runner } of this.compiled) runner.dispose();
    this.compiled = [];
    this.signatures.clear();
    this.counter.withdraw();
  }

  private async runNow(feeds: Readonly<Record<string, Feed>>): Promise<Record<string, Result>> {
    const compiled = await this.compiledFor(feeds);
    const { names, limits, program, outputs } = compiled;
    names.forEach((name, slot) => {
      checkFeed(this.name, name, feeds[name]);
      const limit = limits.get(slot);
      if (limit !== undefined) checkBound(this.name, name, feeds[name], limit);
    });
    const arrays = await compiled.runner.run(names.map((name) => ({ ...feeds[name], name })));
    for (const { ref } of program.assigns) (ref.attrs as { readonly ref: Variable }).ref.version++;
    const results: Record<string, Result> = {};
    outputs.forEach((name, i) => {
      const { shape, dtype } = program.outputs[i];
      results[name] = { data: arrays[i], shape, dtype };
    });
    compiled.warnings.forEach((warning, i) => {
      if (arrays[outputs.length + i][0] !== 0) warnOnce(warning);
    });
    return results;
  }

  private async compiledFor(feeds: Readonly<Record<string, Feed>>): Promise<Compiled> {
    if (this.version !== structureVersion()) this.signatures.clear();
    this.version = structureVersion();
    const signature = signatureOf(feeds);
    const compiled = this.signatures.get(signature) ?? await this.traced(feeds);
    if (compiled.generation !== generation()) {
      compiled.runner = await this.prepared(compiled.program);
      compiled.generation = generation();
    }
    this.signatures.set(signature, compiled);
    this.compiled = [...this.compiled.filter((c) => c !== compiled), compiled];
    return compiled;
  }

  /** A trace that came out as an earlier one did (a layer was frozen and thawed again) uses its plan. */
  private async traced(feeds: Readonly<Record<string, Feed>>): Promise<Compiled> {
    this.forgetWords();
    const traced = this.trace(feeds);
    const { hash, key } = traced.structure;
    const names = JSON.stringify([traced.names, traced.outputs]);
    const alike = this.compiled.filter((c) => c.structure.hash === hash && sameKey(c.structure.key, key));
    const same = alike.find((c) => JSON.stringify([c.names, c.outputs]) === names);
    if (same) return same;
    while (this.compiled.length >= this.keepPlans) this.forgetOldest();
    return { ...traced, runner: await this.prepared(traced.program), generation: generation() };
  }

  /** Where the memory is full, plans used longest ago make room. */
  private async prepared(program: Program): Promise<Runner> {
    for (;;) {
      try {
        return await prepare(program, this.debug);
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'E601' || this.compiled.length === 0) throw error;
        this.forgetOldest();
      }
    }
  }

  private forgetOldest(): void {
    const oldest = this.compiled.shift()!;
    oldest.runner.dispose();
    for (const [signature, compiled] of this.signatures) if (compiled === oldest) this.signatures.delete(signature);
  }

  private forgetWords(): void {
    if (this.interner.size < MOST_WORDS) return;
    this.interner = new Interner();
    for (const compiled of this.compiled) compiled.structure = this.structureOf(compiled.program);
  }

  private structureOf({ inputs, outputs, assigns }: Program): Structure {
    return structureOf([...inputs, ...outputs, ...assigns.flatMap((a) => [a.ref, a.value])], () => undefined, this.interner);
  }

  /** Nothing outside the trace changes until the program runs, so an exception here leaves no mark. */
  private trace(feeds: Readonly<Record<string, Feed>>): Omit<Compiled, 'runner' | 'generation'> {
    const trace = new Trace(this.mode, this.counter);
    const names = Object.keys(feeds);
    const inputs = names.map((name, slot): Node => make(ops.input, [], { slot, shape: feeds[name].shape, dtype: feeds[name].dtype }));
    inputs.forEach((node, slot) => inputNames.set(node, names[slot]));
    const named = Object.fromEntries(names.map((name, slot) => [name, inputs[slot]]));
    const returned = tracing(trace, () => this.fn(named)) ?? {};
    if (returned instanceof Promise) throw asyncFault(this.name);
    const assigns = [...trace.assigns].map(([variable, value]) => ({ ref: trace.before(variable), value }));
    const { warnings } = trace;
    const program: Program = { inputs, outputs: [...Object.values(returned), ...warnings.map((w) => w.flag)], assigns };
    checkSources(this.name, program, trace);
    const limits = new Map([...trace.limits].flatMap(([node, limit]) => (inputs.includes(node) ? [[inputs.indexOf(node), limit] as const] : [])));
    return { names, outputs: Object.keys(returned), program, limits, warnings, structure: this.structureOf(program) };
  }
}

function checkCount(step: string, keepPlans: number): number {
  if (Number.isInteger(keepPlans) && keepPlans >= 1) return keepPlans;
  throw new Fault({ code: 'E101', op: step, rule: 'keepPlans must be a whole number from 1', detail: [`got ${keepPlans}`], hint: 'leave it out to keep 16' });
}

function warnOnce({ about, text }: Warning): void {
  if (warned.has(about)) return;
  warned.add(about);
  // The one place where the library speaks unasked.
  // oxlint-disable-next-line no-console
  console.warn(text);
}

function signatureOf(feeds: Readonly<Record<string, Feed>>): string {
  let signature = '';
  for (const name in feeds) signature += `;${name}:${feeds[name].dtype}${formatShape(feeds[name].shape)}`;
  return signature;
}

/** Inputs of other steps have no value here, and a value that eager code took from a ref would change unnoticed with the ref. */
function checkSources(step: string, program: Program, trace: Trace): void {
  const own = new Set(program.inputs);
  for (const node of topological([...program.outputs, ...program.assigns.map((a) => a.value)])) {
    if (node.op.name === 'input' && !own.has(node)) {
      throw new Fault({
        code: 'E404', op: step, rule: `it uses the input "${inputNames.get(node)}" of another step, which has a value only there`,
        hint: 'pass the tensor as an input of this step, or return it from the other one',
      });
    }
    if (node.op.name !== 'ref') continue;
    const { ref } = node.attrs as { readonly ref: Variable };
    if (trace.before(ref) === node) continue;
    throw new Fault({
      code: 'E409', op: step, rule: `it uses a tensor that was made outside of the step from the ref "${ref.name}"`,
      hint: 'read ref.value inside the step, or pass the tensor as an input',
    });
  }
}

function asyncFault(step: string): Fault {
  return new Fault({
    code: 'E405', op: step, rule: 'the function of a step must not be async: it only describes what to compute',
    hint: 'prepare data before the step, pass them as inputs, and await the step itself',
  });
}

/** One reduction of a nest: its running state is locals of the scope, its results are locals named `${name}.${field}`. */
import { indexValue, literal, local } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import type { Reduction } from '../../compiler/index.ts';
import type { DType } from '../../base/index.ts';
import type { Compute, Scope } from './scope.ts';

/** Steps before a state is added to a total, as in compiled kernels. */
const BLOCK_STEPS = 16;

export class Fold {
  /** Dtypes of the state's words. */
  readonly types: readonly DType[];
  private readonly code: Code;
  /** What the blocks before came to. */
  private total: readonly number[] | undefined;
  private steps = 0;

  constructor(scope: Scope, reduction: Reduction) {
    this.types = reduction.monoid.stateTypes(reduction.input);
    this.code = codeOf(scope, reduction, this.types);
  }

  /** Starts a state at the current point, whose value is the first. */
  start(): void {
    this.total = undefined;
    this.steps = 0;
    this.code.here();
    this.code.set(this.code.init);
  }

  /** Takes the value at the current point. */
  step(): void {
    this.code.here();
    this.code.set(this.code.step);
    this.steps++;
    // The first block is short: it is measured against its first value, which may be an outlier.
    if (this.code.restart && (this.steps % BLOCK_STEPS === 0 || this.steps === 2)) this.nextBlock(this.code.restart);
  }

  /** Joins the state with another one's words; counts of values so far and of the other. */
  merge(words: readonly number[], countA: number, countB: number): void {
    this.settle();
    this.code.setOther(words, countA, countB);
    this.code.set(this.code.merge);
  }

  /** Makes the results known. */
  finish(): void {
    this.settle();
    this.code.finish();
  }

  /** Takes over a state. */
  resume(words: readonly number[]): void {
    this.total = undefined;
    this.steps = 0;
    this.put(words);
  }

  get state(): number[] {
    this.settle();
    return this.code.words();
  }

  /** Adds the block to the total, and starts another. */
  private nextBlock(restart: readonly Compute[]): void {
    this.settle();
    this.code.setCount(this.steps);
    if (this.code.recenter) this.code.set(this.code.recenter);
    const total = this.code.words();
    this.code.set(restart);
    this.total = total;
  }

  /** Joins the total and the block that runs: both are measured against the same, so that counts do not matter. */
  private settle(): void {
    if (!this.total) return;
    const block = this.code.words();
    this.put(this.total);
    this.total = undefined;
    this.merge(block, 1, 1);
  }

  private put(words: readonly number[]): void {
    this.code.set(words.map((word) => () => word));
  }
}

/** A monoid as closures over locals of the scope. */
interface Code {
  readonly init: readonly Compute[];
  readonly step: readonly Compute[];
  readonly merge: readonly Compute[];
  readonly restart: readonly Compute[] | undefined;
  readonly recenter: readonly Compute[] | undefined;
  words(): number[];
  set(words: readonly Compute[]): void;
  setOther(words: readonly number[], countA: number, countB: number): void;
  setCount(count: number): void;
  /** Takes note of the value and position of the current point. */
  here(): void;
  finish(): void;
}

function codeOf(scope: Scope, { monoid, input, name, value, position, count }: Reduction, types: readonly DType[]): Code {
  const named = (part: string, dtype: DType): Expr => local(`${name}#${part}`, dtype);
  const setter = (part: string): (value: number) => void => scope.setter(`${name}#${part}`);
  const compile = (list: readonly Expr[]): Compute[] => list.map((e) => scope.value(e));
  const state = types.map((type, i) => named(`state${i}`, type));
  const other = types.map((type, i) => named(`other${i}`, type));
  const [at, x] = [named('position', 'i32'), named('x', input)];
  const words = compile(state);
  const [setState, setWords] = [types.map((_, i) => setter(`state${i}`)), types.map((_, i) => setter(`other${i}`))];
  const [setA, setB, setX, setPosition] = ['countA', 'countB', 'x', 'position'].map(setter);
  const [valueHere, positionHere] = [scope.value(value), scope.value(monoid.positional ? indexValue(position) : literal(0, 'i32'))];
  const results = monoid.fields.map((field) => ({ value: scope.value(monoid.finish(state, literal(count), field)), set: scope.setter(`${name}.${field}`) }));
  return {
    init: compile(monoid.init(x, input, at, [x, x, x])), step: compile(monoid.step(state, x, at)),
    merge: compile(monoid.merge(state, other, named('countA', 'f32'), named('countB', 'f32'))),
    restart: monoid.restart && compile(monoid.restart(state)), recenter: monoid.recenter && compile(monoid.recenter(state, named('count', 'f32'))),
    words: () => words.map((word) => word()),
    set: (list) => list.map((word) => word()).forEach((word, i) => setState[i](word)),
    setOther(list, countA, countB) {
      list.forEach((word, i) => setWords[i](word));
      setA(countA);
      setB(countB);
    },
    setCount: setter('count'),
    here() {
      const [now, there] = [valueHere(), positionHere()];
      setX(now);
      setPosition(there);
    },
    finish: () => { for (const result of results) result.set(result.value()); },
  };
}

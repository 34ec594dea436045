/** One reduction of a nest: its running state is locals of the scope, its results are locals named `${name}.${field}`. */
import { indexValue, literal, local } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import type { Reduction } from '../../compiler/index.ts';
import type { DType } from '../../base/index.ts';
import type { Compute, Scope } from './scope.ts';

export class Fold {
  /** Dtypes of the state's words. */
  readonly types: readonly DType[];
  /** Starts a state at the current point, whose value is the first. */
  readonly start: () => void;
  /** Takes the value at the current point. */
  readonly step: () => void;
  /** Joins the state with another one's words; counts of values so far and of the other. */
  readonly merge: (words: readonly number[], countA: number, countB: number) => void;
  /** Makes the results known. */
  readonly finish: () => void;
  private readonly words: readonly Compute[];
  private readonly setWords: (values: readonly Compute[]) => void;

  constructor(scope: Scope, reduction: Reduction) {
    const { monoid, input, name } = reduction;
    this.types = monoid.stateTypes(input);
    const named = (part: string, dtype: DType): Expr => local(`${name}#${part}`, dtype);
    const state = this.types.map((type, i) => named(`state${i}`, type));
    const other = this.types.map((type, i) => named(`other${i}`, type));
    const compile = (list: readonly Expr[]): Compute[] => list.map((e) => scope.value(e));
    const setters = this.types.map((_, i) => scope.setter(`${name}#state${i}`));
    this.words = compile(state);
    this.setWords = (values) => values.map((value) => value()).forEach((value, i) => setters[i](value));

    const [x, position] = [scope.value(reduction.value), scope.value(monoid.positional ? indexValue(reduction.position) : literal(0, 'i32'))];
    const [setX, setPosition] = [scope.setter(`${name}#x`), scope.setter(`${name}#position`)];
    const here = (words: readonly Compute[]) => (): void => {
      const [value, at] = [x(), position()];
      setX(value);
      setPosition(at);
      this.setWords(words);
    };
    this.start = here(compile(monoid.init(named('x', input), input, named('position', 'i32'), named('x', input))));
    this.step = here(compile(monoid.step(state, named('x', input), named('position', 'i32'))));

    const merged = compile(monoid.merge(state, other, named('countA', 'f32'), named('countB', 'f32')));
    const setOther = this.types.map((_, i) => scope.setter(`${name}#other${i}`));
    const [setA, setB] = [scope.setter(`${name}#countA`), scope.setter(`${name}#countB`)];
    this.merge = (words, countA, countB) => {
      words.forEach((word, i) => setOther[i](word));
      setA(countA);
      setB(countB);
      this.setWords(merged);
    };

    const results = monoid.fields.map((field) => ({ value: scope.value(monoid.finish(state, literal(reduction.count), field)), set: scope.setter(`${name}.${field}`) }));
    this.finish = () => { for (const { value, set } of results) set(value()); };
  }

  /** Takes over a state. */
  resume(words: readonly number[]): void {
    this.setWords(words.map((word) => () => word));
  }

  get state(): number[] {
    return this.words.map((word) => word());
  }
}

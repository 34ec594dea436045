/** A reduction is one file: how to start, take a value, join two partial results, and finish. */
import type { DType } from '../base/index.ts';
import type { Expr } from '../scalar/index.ts';
import type { Build, Node } from './node.ts';

/** Three values of a walk. */
export type Samples = readonly [Expr, Expr, Expr];

export interface Monoid {
  readonly name: string;
  /** Dtypes of the values that it takes. */
  readonly types: readonly DType[];
  /** The results that one walk over the values gives: `value` for sum; `mean`, `m2` and `rest` for moments. */
  readonly fields: readonly string[];
  /** True where a value's position among the reduced ones matters (argmax). */
  readonly positional: boolean;
  fieldType(field: string, input: DType): DType;
  /** Dtypes of the running state. */
  stateTypes(input: DType): readonly DType[];
  /**
   * The state before any value; `first` is some value of the walk, at row-major `position` (argmax starts with it), `samples` are
   * values of the walk far from each other, or the same (moments shifts by their median). Must be neutral in merge when its count is 0.
   */
  init(first: Expr, input: DType, position: Expr, samples: Samples): readonly Expr[];
  /** Where steps round: the state of no values that the next block of a long walk starts with. Merged with `state` counts do not matter. */
  readonly restart?: (state: readonly Expr[]) => readonly Expr[];
  /** The same values, measured against what keeps more digits; count is f32 and may be 0. */
  readonly recenter?: (state: readonly Expr[], count: Expr) => readonly Expr[];
  /** The state after one more value; `position` is its row-major i32 position among the reduced elements. */
  step(state: readonly Expr[], x: Expr, position: Expr): readonly Expr[];
  /** Joins the states of two disjoint sets of values; counts are f32 and may be 0. `a` holds the earlier positions. */
  merge(a: readonly Expr[], b: readonly Expr[], countA: Expr, countB: Expr): readonly Expr[];
  /** One field of the result; count is f32. */
  finish(state: readonly Expr[], count: Expr, field: string): Expr;
  /** The result for no values at all. */
  readonly empty: (field: string) => number;
  /** Naive f64 result over the values in row-major order. */
  reference(values: Float64Array, field: string, input: DType): number;
  /** Cotangent of x for `out = reduce(x)` (axes dropped); undefined where no gradient flows. */
  vjp(x: Node, out: Node, axes: readonly number[], field: string, g: Node, build: Build): Node | undefined;
}

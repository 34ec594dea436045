/** Values that outlive a step. */
import { Fault, formatShape, sameShape } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import { bumpStructure, currentTrace, Variable } from '../runtime/index.ts';
import { Tensor } from './tensor.ts';

/** What a ref is made with. */
export interface RefOptions {
  readonly shape: Shape;
  /** Default 'f32'. */
  readonly dtype?: DType;
  /** Shown in errors and explanations; default 'ref'. */
  readonly name?: string;
  /** Row-major start values, copied; default zeros. */
  readonly data?: ArrayLike<number>;
}

/**
 * A named value that steps read and replace. Assignments of one step take effect together when it succeeds; a step that throws
 * leaves every ref as it was.
 */
export class Ref {
  /** The storage, for checkpoints and the runtime. */
  readonly variable: Variable;

  constructor(options: RefOptions) {
    const { shape, dtype = 'f32', name = 'ref', data } = options;
    this.variable = new Variable({ shape, dtype, name }, data);
  }

  get shape(): Shape { return this.variable.shape; }
  get dtype(): DType { return this.variable.dtype; }
  get name(): string { return this.variable.name; }
  get size(): number { return this.variable.size; }

  /** The current value: in a step after `assign`, what was assigned. */
  get value(): Tensor {
    return new Tensor(currentTrace().read(this.variable));
  }

  /** Sets the value from now on in this step, and for the next one. @throws E227 for another shape or dtype */
  assign(next: Tensor): void {
    this.check('assign', next);
    currentTrace().assign(this.variable, next.node);
  }

  /**
   * Runs `fn` with another value in this ref's place: in `fn`, and only there, `value` is `stand`. Gradients flow through `stand`
   * to whatever it was computed from. What the ref holds does not change.
   * @throws E227 for another shape or dtype
   */
  as<T>(stand: Tensor, fn: () => T): T {
    this.check('as', stand);
    return currentTrace().substituting(this.variable, stand.node, fn);
  }

  /** A copy of the values, once everything asked for before is done. */
  read(): Promise<TypedArray> {
    return this.variable.read();
  }

  /** Replaces the values from the host. @throws E401 for another number of values */
  write(data: ArrayLike<number>): void {
    this.variable.write(data);
  }

  /** Frees the storage; steps that use the ref cannot run any more. */
  dispose(): void {
    this.variable.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private check(op: string, next: Tensor): void {
    if (sameShape(next.shape, this.shape) && next.dtype === this.dtype) return;
    throw new Fault({
      code: 'E227', op, rule: `${this.name} keeps its shape and dtype`,
      detail: [`${this.name} ${this.dtype} ${formatShape(this.shape)}   got ${next.dtype} ${formatShape(next.shape)}`],
      where: currentTrace().where(), hint: 'reshape, reduce or cast the new value first',
    });
  }
}

/** A ref that an optimizer trains. */
export class Param extends Ref {
  private wanted = true;

  /** False while frozen: gradients stop at it and optimizers leave it alone. Compiled steps notice a change. */
  get trainable(): boolean { return this.wanted; }
  set trainable(wanted: boolean) {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    bumpStructure();
  }
}

/** A ref that is saved with the model but not trained: running statistics, counters. */
export class Buffer extends Ref {}

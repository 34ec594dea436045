/** Batch normalization whose affine part depends on a label or a vector. */
import type { Param, Tensor } from '../../tensor/index.ts';
import { init } from '../init.ts';
import { count } from './count.ts';
import { batchFaults } from './batch-faults.ts';
import { faults } from './faults.ts';
import { Normalization } from './normalization.ts';
import type { NormalizationCall } from './normalization.ts';
import type { NormalizationOptions } from './normalization-options.ts';

/** What the affine part depends on. */
export interface ConditionalBatchNormOptions extends NormalizationOptions {
  /** Conditions are labels 0 .. classes - 1: one learned row for each. Either this or `features`. */
  readonly classes?: number;
  /** Conditions are vectors of this length, projected linearly. */
  readonly features?: number;
}

/** A call with the condition of each sample. */
export interface ConditionalCall extends NormalizationCall {
  /** Labels, i32 [N], or vectors, f32 [N, features]. */
  readonly condition: Tensor;
}

/**
 * y = (scale + dScale(condition)) * xhat + shift + dShift(condition); the statistics are shared by all conditions (Dumoulin et al.
 * 2017, arXiv 1610.07629; de Vries et al. 2017, arXiv 1707.00683). dScale and dShift start at 0, so it begins as plain batch
 * normalization; with { scale: false, center: false } it is BigGAN's 1 + dScale. For generators by class and style transfer. With
 * classes unequally mixed, recalibrate before evaluation (standing statistics) rather than trust the running averages.
 */
export class ConditionalBatchNorm extends Normalization {
  /** [classes or features, channels]. */
  scaleByCondition!: Param;
  shiftByCondition!: Param;
  private readonly byLabel: boolean;
  private readonly rows: number;

  constructor(options: ConditionalBatchNormOptions) {
    super('conditionalBatchNorm', options);
    const { classes, features } = options;
    if ((classes === undefined) === (features === undefined)) throw faults.option(this.op, 'classes', 'or features must be given, and not both', classes, 'write classes: 10 for labels, features: 128 for vectors');
    this.byLabel = classes !== undefined;
    this.rows = count(this.op, this.byLabel ? 'classes' : 'features', (classes ?? features)!);
  }

  protected override tellsSamples(): boolean {
    return true;
  }

  protected override setup(x: Tensor): void {
    super.setup(x);
    const shape = [this.rows, this.runningMean.shape[0]];
    const make = (name: string): Param => this.param(name, shape, init.zeros(), { fanIn: shape[0], fanOut: shape[1] });
    this.scaleByCondition = make('scaleByCondition');
    this.shiftByCondition = make('shiftByCondition');
  }

  override forward(x: Tensor, call?: ConditionalCall): Tensor {
    const condition = this.conditionOf(x, call?.condition);
    const axis = this.settings.axis < 0 ? this.settings.axis + x.rank : this.settings.axis;
    const part = (table: Param, own: Tensor | number): Tensor => {
      const rows = this.byLabel ? table.value.take(condition, 0) : condition.matmul(table.value);
      return rows.add(own).reshape(x.shape.map((extent, i) => (i === 0 || i === axis ? extent : 1)));
    };
    return super.forward(x, { ...call, scale: part(this.scaleByCondition, this.scale?.value ?? 1), shift: part(this.shiftByCondition, this.shift?.value ?? 0) });
  }

  private conditionOf(x: Tensor, condition: Tensor | undefined): Tensor {
    const wanted = this.byLabel ? [x.shape[0]] : [x.shape[0], this.rows];
    const dtype = this.byLabel ? 'i32' : 'f32';
    if (condition && condition.dtype === dtype && `${condition.shape}` === `${wanted}`) return condition;
    throw batchFaults.companion(this.op, 'condition', x.shape, condition?.shape, `${dtype} [${wanted.join(', ')}], one for each sample`,
      condition ? `it is ${condition.dtype}; reshape or cast it` : 'call it with one: layer.forward(x, { condition: labels })');
  }
}

/**
 * A batch normalization layer whose affine part depends on a condition.
 * @throws E101 unless one of classes and features is given; E317 for a condition that is missing or does not fit; E402 for labels
 * outside 0 .. classes - 1; and what batchNorm throws
 */
export function conditionalBatchNorm(options: ConditionalBatchNormOptions): ConditionalBatchNorm {
  return new ConditionalBatchNorm(options);
}

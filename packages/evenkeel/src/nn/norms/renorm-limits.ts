/** How far batch renormalization may correct. */
import type { Tensor } from '../../tensor/index.ts';
import { where } from '../../tensor/index.ts';

/** Limits of the factor r (which is 1 in batch normalization) and the offset d (which is 0); those left out do not limit. */
export interface RenormLimits {
  readonly rMin?: number | Tensor;
  readonly rMax?: number | Tensor;
  /** d stays in -dMax .. dMax. */
  readonly dMax?: number | Tensor;
}

/** Limits in each step, from the number of steps before it (a scalar). */
export type RenormSchedule = (steps: Tensor) => RenormLimits;

/** Which limits open when; all in training steps. */
export interface RenormScheduleOptions {
  /** Steps of plain batch normalization; default 5000. */
  readonly start?: number;
  /** What rMax grows to from 1; default 3. rMin is 1 / rMax. */
  readonly rMax?: number;
  /** The step at which it has; default 40000. */
  readonly rEnd?: number;
  /** What dMax grows to from 0; default 5. */
  readonly dMax?: number;
  /** The step at which it has; default 25000. */
  readonly dEnd?: number;
}

/** Batch normalization at first, then limits that open in straight lines (Ioffe 2017, section 4). */
export function renormSchedule({ start = 5000, rMax = 3, rEnd = 40_000, dMax = 5, dEnd = 25_000 }: RenormScheduleOptions = {}): RenormSchedule {
  return (steps) => {
    const opened = (end: number): Tensor => where(steps.lt(start), 0, steps.sub(start).div(Math.max(end - start, 1)).clip(0, 1));
    const factor = opened(rEnd).mul(rMax - 1).add(1);
    return { rMin: factor.pow(-1), rMax: factor, dMax: opened(dEnd).mul(dMax) };
  };
}

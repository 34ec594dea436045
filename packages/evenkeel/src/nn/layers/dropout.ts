/** Dropout (Srivastava et al. 2014), in the form that leaves evaluation alone. */
import { dropout as drop } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { Module } from '../module.ts';

/** In training zeroes a share `rate` of the values and scales the others by 1 / (1 - rate); x itself in evaluation. */
export class Dropout extends Module {
  readonly rate: number;

  constructor(rate: number) {
    super();
    if (!(rate >= 0 && rate < 1)) throw faults.option('dropout', 'rate', 'must be in 0 .. 1, the share of values to drop', rate, 'for keeping 90 %, write dropout(0.1)');
    this.rate = rate;
  }

  override describe(): string {
    return `dropout ${this.rate}`;
  }

  forward(x: Tensor): Tensor {
    return drop(x, this.rate, { seed: this.seed });
  }
}

/** @param rate share of values to drop, in 0 .. 1 */
export function dropout(rate: number): Dropout {
  return new Dropout(rate);
}

/** A layer made of a function. */
import type { Tensor } from '../../tensor/index.ts';
import { Module } from '../module.ts';

/** A module that has no parameters and applies a function. */
export class Lambda extends Module {
  private readonly fn: (x: Tensor) => Tensor;
  private readonly text: string;

  constructor(fn: (x: Tensor) => Tensor, text: string) {
    super();
    this.fn = fn;
    this.text = text;
  }

  override describe(): string {
    return this.text;
  }

  forward(x: Tensor): Tensor {
    return this.fn(x);
  }
}

/** A function as a layer: `layer((x) => x.square())`. It may read nothing that changes from step to step. */
export function layer(fn: (x: Tensor) => Tensor, name: string = fn.name || 'layer'): Lambda {
  return new Lambda(fn, name);
}

/** Layers one after the other. */
import type { DType, Shape } from '../base/index.ts';
import { bumpStructure } from '../runtime/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { faults } from './faults.ts';
import { Module } from './module.ts';
import type { Model } from './module.ts';

/** What a sequence of layers is built for. */
export interface SequentialOptions {
  /** Shape of one sample, without the batch axis; every size is then inferred and checked when the model is made. */
  readonly input?: Shape;
  /** Dtype of the input; default f32. */
  readonly dtype?: DType;
  /** First values of parameters; default 0. Models of equal seed and layers start equal. */
  readonly seed?: number;
}

/** Applies its layers in order; a layer's path is its position. */
export class Sequential extends Module {
  /** Shape of one sample, if it was declared. */
  readonly input: Shape | undefined;
  private layers: readonly Model[];

  constructor(options: SequentialOptions, layers: readonly Model[]) {
    super({ seed: options.seed });
    layers.forEach((part: unknown, position) => {
      if (!(part instanceof Module)) throw faults.notLayer(position, part);
    });
    this.layers = layers;
    this.input = options.input;
    if (options.input) this.build(options.input, { dtype: options.dtype });
  }

  override children(): readonly (readonly [string, Module])[] {
    return this.layers.map((part, position) => [`${position}`, part]);
  }

  override describe(): string {
    return 'sequential';
  }

  /** Puts a layer at a position; those behind it move up by one. `insertAfter` does it by path, and checks the shapes. @returns undoes it */
  insert(position: number, part: Model): () => void {
    if (!(part as unknown instanceof Module)) throw faults.notLayer(position, part);
    const { layers } = this;
    this.layers = layers.toSpliced(position, 0, part);
    bumpStructure();
    return () => {
      this.layers = layers;
      bumpStructure();
    };
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, part) => part.forward(value), x);
  }
}

/**
 * A model of layers one after the other: `sequential({ input: [28, 28, 1] }, conv2d(32, 3), relu(), flatten(), linear(10))`.
 * Without options the sizes come from the first input.
 * @throws E2xx and E3xx with the layer's position where shapes do not fit; E321 for a part that is no layer
 */
export function sequential(options: SequentialOptions, ...layers: readonly Model[]): Sequential;
export function sequential(...layers: readonly Model[]): Sequential;
export function sequential(first?: SequentialOptions | Model, ...rest: readonly Model[]): Sequential {
  if (first instanceof Module) return new Sequential({}, [first, ...rest]);
  return new Sequential(first ?? {}, rest);
}

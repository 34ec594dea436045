/** The base of update rules: gradients, clipping and updates become part of the step that is being traced. */
import type { Shape } from '../base/index.ts';
import { withPath } from '../runtime/index.ts';
import { Buffer, grad, Param } from '../tensor/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { clipAdaptively, clipByNorm } from './clip.ts';
import type { AdaptiveClip } from './clip.ts';
import { faults } from './faults.ts';

/** What every update rule takes. */
export interface OptimizerOptions {
  /** Step size. */
  readonly rate?: number;
  /** Scale all gradients down together where their norm exceeds this (Pascanu et al. 2013). Default: no limit. */
  readonly clipNorm?: number;
  /** Limit each gradient value to -clipValue .. clipValue; before the others. Default: no limit. */
  readonly clipValue?: number;
  /**
   * Limit the gradient of each unit to this share of the length of its weights (adaptive clipping, for networks without
   * normalization; Brock et al. 2021 use 0.01 and leave out the last layer); before clipNorm. Default: no limit.
   */
  readonly clipAdaptive?: number | AdaptiveClip;
}

/** What an update may depend on besides parameter and gradient. */
export interface UpdateContext {
  /** Step size, a scalar that may change from step to step. */
  readonly rate: Tensor;
  /** Number of this step as f32, from 1. */
  readonly step: Tensor;
}

/** An update rule. Subclasses say what happens to one parameter, in tensors. */
export abstract class Optimizer {
  readonly name: string;
  private readonly clip: { readonly norm?: number; readonly value?: number; readonly adaptive?: AdaptiveClip };
  private readonly rateBuffer: Buffer;
  private readonly stepBuffer: Buffer;
  private readonly states = new Map<Param, Map<string, Buffer>>();
  private currentRate: number;

  protected constructor(name: string, defaultRate: number, options: OptimizerOptions) {
    this.name = name;
    const { clipAdaptive } = options;
    const adaptive = typeof clipAdaptive === 'number' ? { ratio: clipAdaptive } : clipAdaptive;
    this.positive('clipAdaptive', adaptive?.ratio);
    this.within('clipAdaptive.epsilon', adaptive?.epsilon ?? 0, 0, Infinity);
    const stranger = adaptive?.except?.find((param) => !(param instanceof Param));
    if (stranger) throw faults.option(name, 'clipAdaptive.except', 'must list parameters', stranger, 'of a layer they are layer.params()');
    this.clip = { norm: this.positive('clipNorm', options.clipNorm), value: this.positive('clipValue', options.clipValue), adaptive };
    this.currentRate = this.checkedRate(options.rate ?? defaultRate);
    this.rateBuffer = new Buffer({ shape: [], name: `${name}.rate`, data: [this.currentRate] });
    this.stepBuffer = new Buffer({ shape: [], dtype: 'i32', name: `${name}.step` });
  }

  /** Step size. Setting it takes effect with the next step; nothing is compiled anew. @throws E101 unless it is 0 or more */
  get rate(): number {
    return this.currentRate;
  }

  set rate(rate: number) {
    this.currentRate = this.checkedRate(rate);
    this.rateBuffer.write([rate]);
  }

  /**
   * Moves the trainable ones of `params` against the gradient of `loss`, as part of the current step.
   * @param loss one f32 number
   * @throws E420 if none of them is trainable
   */
  minimize(loss: Tensor, params: readonly Param[]): void {
    const trained = [...new Set(params)].filter((param) => param.trainable);
    if (trained.length === 0) throw faults.nothing(this.name, params.length);
    const gradients = this.limited(grad(loss, trained), trained);
    this.stepBuffer.assign(this.stepBuffer.value.add(1));
    const context: UpdateContext = { rate: this.rateBuffer.value, step: this.stepBuffer.value.cast('f32') };
    trained.forEach((param, i) => withPath(this.name, () => withPath(param.name, () => this.update(param, gradients[i], context))));
  }

  /** What a checkpoint needs besides the model, by name: the rate, the number of steps, and the state of each parameter. */
  namedBuffers(): Map<string, Buffer> {
    const found = new Map([['rate', this.rateBuffer], ['step', this.stepBuffer]]);
    for (const [param, state] of this.states) {
      for (const [name, buffer] of state) {
        let key = `${param.name}.${name}`;
        for (let copy = 2; found.has(key); copy++) key = `${param.name}~${copy}.${name}`;
        found.set(key, buffer);
      }
    }
    return found;
  }

  /** Frees the rate, the count of steps and the state of every parameter. Steps that use the optimizer cannot run any more. */
  dispose(): void {
    for (const buffer of this.namedBuffers().values()) buffer.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Assigns the parameter's next value. */
  protected abstract update(param: Param, gradient: Tensor, context: UpdateContext): void;

  /** A buffer of the parameter, zeros in its shape at first. */
  protected state(param: Param, name: string, shape: Shape = param.shape): Buffer {
    let own = this.states.get(param);
    if (!own) this.states.set(param, (own = new Map()));
    let buffer = own.get(name);
    if (!buffer) own.set(name, (buffer = new Buffer({ shape, name: `${this.name}.${param.name}.${name}` })));
    return buffer;
  }

  /** @throws E101 */
  protected within(name: string, value: number, low: number, high: number): number {
    if (value >= low && value < high) return value;
    throw faults.option(this.name, name, high === Infinity ? `must be ${low} or more` : `must be from ${low} to below ${high}`, value, 'leave it out for the default');
  }

  private checkedRate(rate: number): number {
    if (rate >= 0 && rate < Infinity) return rate;
    throw faults.option(this.name, 'rate', 'must be a finite number, 0 or more', rate, 'for example rate: 1e-3');
  }

  private positive(name: string, value: number | undefined): number | undefined {
    if (value === undefined || value > 0) return value;
    throw faults.option(this.name, name, 'must be more than 0', value, 'leave it out for no limit');
  }

  private limited(gradients: readonly Tensor[], params: readonly Param[]): readonly Tensor[] {
    const { value, norm, adaptive } = this.clip;
    const bounded = value === undefined ? gradients : gradients.map((g) => g.clip(-value, value));
    const clipped = adaptive ? clipAdaptively(bounded, params, adaptive) : bounded;
    return norm === undefined ? clipped : clipByNorm(clipped, norm);
  }
}

/** What layers that normalize each sample by itself share: they do the same in training and evaluation, whatever else is in the batch. */
import { resolveAxis } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { checkTensor } from '../check-tensor.ts';
import { init } from '../init.ts';
import { Module } from '../module.ts';
import type { ModuleOptions } from '../module.ts';
import { activationOf } from './activation.ts';
import type { Activation } from './activation.ts';
import { faults } from './faults.ts';
import { checkAffineOptions, refuseForeign } from './option-checks.ts';

/** What follows a normalization. */
export interface AffineOptions extends ModuleOptions {
  /** Learn factors; default true. */
  readonly scale?: boolean;
  /** Learn offsets; default true. */
  readonly center?: boolean;
  /** First value of the factors; default 1. 0 for the last one of a residual branch. */
  readonly initialScale?: number;
  /** Whether factors and offsets train; default true. Kept by unfreeze(). */
  readonly trainAffine?: boolean;
  /** Applied to the output in the same kernel: a name or a function; default none. */
  readonly activation?: Activation;
}

/** Which axis holds the channels. */
export interface ChannelOptions {
  /** The channels; default -1, the last axis. The first axis counts the samples. */
  readonly axis?: number;
}

/** What one call may bring besides its input. */
export interface MaskCall {
  /** Which positions count in the statistics: the input's shape without channels, or with 1 there; bool, or numbers of which 0 does not count. */
  readonly mask?: Tensor;
}

/** A layer that normalizes each sample by itself, with learned factors and offsets. */
export abstract class PerSampleNorm extends Module {
  scale: Param | undefined;
  shift: Param | undefined;
  protected readonly op: string;
  protected readonly activate: (y: Tensor) => Tensor;
  private readonly part: AffineOptions;

  /** @param op the layer's name in error texts, as users write it. @throws E101 for options that cannot be */
  constructor(op: string, options: AffineOptions) {
    super(options);
    refuseForeign(op, options);
    checkAffineOptions(op, options);
    this.op = op;
    this.part = options;
    this.activate = activationOf(op, options.activation);
  }

  override describe(): string {
    return this.op;
  }

  protected override trains(): boolean {
    return this.part.trainAffine ?? true;
  }

  /** Makes the affine part. For `setup`. */
  protected affine(shape: Shape): void {
    const { scale = true, center = true, initialScale = 1 } = this.part;
    if (scale) this.scale = this.filled('scale', shape, initialScale);
    if (center) this.shift = this.filled('shift', shape, 0);
  }

  /** A parameter that starts with one value. For `setup`. */
  protected filled(name: string, shape: Shape, value: number): Param {
    return this.param(name, shape, init.constant(value), { fanIn: 1, fanOut: 1 });
  }

  /** Scale and shift of shape [C] as they broadcast to x. @throws E310 for another number of channels */
  protected perChannel(x: Tensor, axis: number): { readonly scale: Tensor | undefined; readonly shift: Tensor | undefined } {
    return { scale: this.scale && perChannel(this.op, x, axis, this.scale), shift: this.shift && perChannel(this.op, x, axis, this.shift) };
  }
}

/** y * scale + shift, as far as there are any. */
export function applyAffine(y: Tensor, { scale, shift }: { readonly scale: Tensor | undefined; readonly shift: Tensor | undefined }): Tensor {
  const scaled = scale ? y.mul(scale) : y;
  return shift ? scaled.add(shift) : scaled;
}

/** A parameter with one value for each channel, as it broadcasts to x. @throws E310 for another number of channels */
export function perChannel(op: string, x: Tensor, axis: number, param: Param): Tensor {
  if (param.shape[0] !== x.shape[axis]) throw faults.channels(op, x.shape, axis, param.shape[0]);
  return axis === x.rank - 1 ? param.value : param.value.reshape(x.shape.map((extent, i) => (i === axis ? extent : 1)));
}

/** The channel axis, counted from the front. @throws E312 for one that does not exist, or the batch */
export function channelAxis(op: string, x: Tensor, axis = -1): number {
  checkTensor(op, 'input', x);
  const resolved = resolveAxis(axis, x.rank);
  if (resolved === undefined || resolved === 0) throw faults.axis(op, x.shape, axis);
  return resolved;
}

/** The axes of x that are neither samples nor channels. */
export function spatialAxes(x: Tensor, axis: number): number[] {
  return x.shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis);
}

/** How many positions each channel of a sample has. */
export function positionsOf(x: Tensor, axis: number): number {
  return spatialAxes(x, axis).reduce((n, i) => n * x.shape[i], 1);
}

/** The preset of a framework. @throws E101 for one that has no such layer */
export function presetOf<T>(op: string, presets: Readonly<Record<string, T>>, dialect = 'torch'): T {
  if (Object.hasOwn(presets, dialect)) return presets[dialect];
  throw faults.name(op, 'dialect', dialect, Object.keys(presets));
}

/** Local response normalization (Krizhevsky, Sutskever & Hinton 2012, section 3.3). */
import { avgPool2d, localResponseNormalize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { Module } from '../module.ts';
import { faults } from './faults.ts';
import { counted, maskOver } from './mask.ts';
import { channelAxis, presetOf } from './per-sample.ts';
import type { ChannelOptions, MaskCall } from './per-sample.ts';

/** The constants of a framework, and where windows of an even size reach further. */
interface Preset {
  readonly size: number | undefined;
  readonly alpha: number;
  readonly beta: number;
  readonly offset: number;
  /** Divide alpha by the size of the window. */
  readonly mean: boolean;
  readonly longer: 'before' | 'after';
}

const PRESETS = {
  torch: { size: undefined, alpha: 1e-4, beta: 0.75, offset: 1, mean: true, longer: 'before' },
  caffe: { size: 5, alpha: 1, beta: 0.75, offset: 1, mean: true, longer: 'before' },
  tfFused: { size: 11, alpha: 1, beta: 0.5, offset: 1, mean: false, longer: 'before' },
  onnx: { size: undefined, alpha: 1e-4, beta: 0.75, offset: 1, mean: true, longer: 'after' },
} as const satisfies Readonly<Record<string, Preset>>;

/** The window and the constants of the formula. */
export interface LocalResponseNormOptions extends ChannelOptions {
  /** Channels in a window, or positions along each side in space; default 5 (tfFused 11, its depth_radius 5). */
  readonly size?: number;
  /** Factor of the power; default 1e-4 (caffe and tfFused 1). */
  readonly alpha?: number;
  /** Exponent; default 0.75 (tfFused 0.5). */
  readonly beta?: number;
  /** Added to the power; default 1. Called k or bias elsewhere; the paper's is 2. */
  readonly offset?: number;
  /** Windows reach over 'channels' (default) or, for images with channels last, over 'space' (Caffe's WITHIN_CHANNEL). */
  readonly over?: 'channels' | 'space';
  /** Whose constants; default torch. tfFused means tf.nn.lrn, which does not divide alpha by the size. */
  readonly dialect?: keyof typeof PRESETS;
}

/** x / (offset + alpha * mean of squares in a window around it)^beta; what is past the ends counts as 0. No parameters. */
export class LocalResponseNorm extends Module {
  private readonly options: LocalResponseNormOptions;
  private readonly preset: Preset;
  private readonly size: number;

  constructor(options: LocalResponseNormOptions = {}) {
    super();
    this.options = options;
    this.preset = presetOf<Preset>('localResponseNorm', PRESETS, options.dialect);
    const { size = this.preset.size ?? 5, offset = 1, over = 'channels', axis = -1 } = options;
    if (over !== 'channels' && over !== 'space') throw faults.name('localResponseNorm', 'over', over, ['channels', 'space']);
    if (over === 'space' && axis !== -1 && axis !== 3) throw faults.option('localResponseNorm', 'axis', 'must be -1 for windows in space', axis, 'transpose the images to [N, H, W, C]');
    if (!(Number.isInteger(size) && size >= 1)) throw faults.option('localResponseNorm', 'size', 'must be a whole number from 1', size, 'for example size: 5');
    if (over === 'space' && size % 2 === 0) throw faults.option('localResponseNorm', 'size', 'must be odd for windows in space', size, `write size: ${size + 1}`);
    if (!(offset > 0)) throw faults.option('localResponseNorm', 'offset', 'must be above 0, or zeros would be divided by 0', offset, 'for example offset: 1');
    this.size = size;
  }

  override describe(): string {
    return `localResponseNorm ${this.size}`;
  }

  /** @param call in space, what is masked counts as 0, like what is past the ends; windows over channels stay at one position, masked or not */
  forward(x: Tensor, { mask }: MaskCall = {}): Tensor {
    const { preset, size: n } = this;
    const { alpha = preset.alpha, beta = preset.beta, offset = preset.offset } = this.options;
    if (this.options.over === 'space') return this.inSpace(x, mask, { alpha: preset.mean ? alpha : alpha * n * n, beta, offset });
    const shorter = Math.ceil(n / 2) - 1;
    const [before, after] = preset.longer === 'before' ? [n - 1 - shorter, shorter] : [shorter, n - 1 - shorter];
    const axis = channelAxis('localResponseNorm', x, this.options.axis);
    if (mask) maskOver('localResponseNorm', x, axis, mask);
    return localResponseNormalize(x, { axis, before, after, factor: preset.mean ? alpha / n : alpha, power: beta, offset });
  }

  private inSpace(x: Tensor, mask: Tensor | undefined, { alpha, beta, offset }: { readonly alpha: number; readonly beta: number; readonly offset: number }): Tensor {
    if (x.rank !== 4) throw faults.rank('localResponseNorm', x.shape, [4], 'windows in space are for images [N, H, W, C]');
    const power = avgPool2d(counted(x, mask && maskOver('localResponseNorm', x, 3, mask)).square(), { window: [this.size, this.size], stride: 1, padding: (this.size - 1) / 2 });
    return x.mul(power.mul(alpha).add(offset).pow(-beta));
  }
}

/** A local response normalization layer, for AlexNet, GoogLeNet and their time. @throws E101; E300, E312 at the first input that does not fit; E313 for a mask */
export function localResponseNorm(options?: LocalResponseNormOptions): LocalResponseNorm {
  return new LocalResponseNorm(options);
}

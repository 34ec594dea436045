/** Spatially-adaptive normalization (Park et al. 2019, "SPADE", arXiv 1903.07291, eq. 1 and appendix A). */
import { conv2d, relu, tensor } from '../../tensor/index.ts';
import type { Param, Tensor } from '../../tensor/index.ts';
import { init } from '../init.ts';
import { Module } from '../module.ts';
import type { Model, ModuleOptions } from '../module.ts';
import { faults } from './faults.ts';
import { FilterResponseNorm } from './filter-response-norm.ts';
import { GroupNorm } from './group-norm.ts';
import { InstanceNorm, instanceNorm } from './instance-norm.ts';
import { Normalization } from './normalization.ts';
import type { MaskCall } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';

/** What SPADE normalizes by, and how the map becomes scale and shift. */
export interface SpadeOptions extends ModuleOptions {
  /** Normalizes images without learning; default instanceNorm(). The paper's is batchNorm({ scale: false, center: false }). */
  readonly norm?: Model;
  /** Channels between the two convolutions; default 128. */
  readonly hidden?: number;
  /** Side of their kernels, odd; default 3. */
  readonly kernel?: number;
}

/** A kernel and bias of one convolution. */
interface Convolution { readonly weight: Param; readonly bias: Param }

/** Norms of images that know what to do with a mask. Another one would ignore it. */
const MASKED = [Normalization, InstanceNorm, GroupNorm, FilterResponseNorm] as const;
type Masked = Module & { forward(x: Tensor, call: MaskCall): Tensor };

/** norm(x) * (1 + scale(map)) + shift(map), pixel by pixel: the map passes a convolution with ReLU, then one for each of the two. */
export class Spade extends Module {
  readonly norm: Model;
  sharedWeight!: Param;
  sharedBias!: Param;
  scaleWeight!: Param;
  scaleBias!: Param;
  shiftWeight!: Param;
  shiftBias!: Param;
  private readonly hidden: number;
  private readonly kernel: number;

  constructor(options: SpadeOptions = {}) {
    super(options);
    const { hidden = 128, kernel = 3 } = options;
    if (!(Number.isInteger(hidden) && hidden >= 1)) throw faults.option('spade', 'hidden', 'must be a whole number from 1', hidden, 'for example hidden: 128');
    if (!(Number.isInteger(kernel) && kernel % 2 === 1 && kernel > 0)) throw faults.option('spade', 'kernel', 'must be an odd whole number from 1', kernel, 'for example kernel: 3');
    this.norm = options.norm ?? instanceNorm();
    this.hidden = hidden;
    this.kernel = kernel;
  }

  protected override setup(x: Tensor, map?: Tensor): void {
    const channels = x.shape[3];
    const labels = checkMap(x, map).shape[3];
    ({ weight: this.sharedWeight, bias: this.sharedBias } = this.convolution('shared', labels, this.hidden));
    ({ weight: this.scaleWeight, bias: this.scaleBias } = this.convolution('scale', this.hidden, channels));
    ({ weight: this.shiftWeight, bias: this.shiftBias } = this.convolution('shift', this.hidden, channels));
  }

  override describe(): string {
    return 'spade';
  }

  /** @param map [N, H, W, labels] in any size; it is brought to that of x by the nearest pixels. For classes: classes.oneHot(labels). The mask is what the norm gets */
  forward(x: Tensor, map?: Tensor, { mask }: MaskCall = {}): Tensor {
    const layout = nearest(checkMap(x, map), x.shape[1], x.shape[2]);
    const convolve = (y: Tensor, weight: Param, bias: Param): Tensor => conv2d(y, weight, { padding: 'same' }).add(bias);
    const shared = relu(convolve(layout, this.sharedWeight, this.sharedBias));
    const scale = convolve(shared, this.scaleWeight, this.scaleBias).add(1);
    return this.normalized(x, mask).mul(scale).add(convolve(shared, this.shiftWeight, this.shiftBias));
  }

  private normalized(x: Tensor, mask: Tensor | undefined): Tensor {
    const { norm } = this;
    if (!mask) return norm.forward(x);
    if (MASKED.some((kind) => norm instanceof kind)) return (norm as Masked).forward(x, { mask });
    throw faults.option('spade', 'norm', 'must be one that takes a mask, where the call has one', norm.describe(), 'for example norm: nn.instanceNorm()');
  }

  private convolution(name: string, from: number, to: number): Convolution {
    const fans = { fanIn: from * this.kernel ** 2, fanOut: to * this.kernel ** 2 };
    return {
      weight: this.param(`${name}Weight`, [this.kernel, this.kernel, from, to], init.fanInUniform(), fans),
      bias: this.param(`${name}Bias`, [to], init.fanInUniform(), fans),
    };
  }
}

function checkMap(x: Tensor, map: Tensor | undefined): Tensor {
  if (x.rank !== 4) throw faults.rank('spade', x.shape, [4], 'give it images [N, H, W, C]');
  if (!map || map.rank !== 4 || (map.shape[0] !== 1 && map.shape[0] !== x.shape[0])) throw sampleFaults.companion('spade', 'map', x.shape, map?.shape, 'a map [N, H, W, labels] for each image, or one for all');
  return map;
}

/** Another size by picking pixel floor(i * from / to) for each i, as PyTorch's interpolate does. */
function nearest(map: Tensor, height: number, width: number): Tensor {
  return [height, width].reduce((y, to, i) => {
    const from = y.shape[i + 1];
    if (from === to) return y;
    const places = Int32Array.from({ length: to }, (_, at) => Math.floor((at * from) / to));
    return y.take(tensor(places), i + 1);
  }, map);
}

/**
 * A spatially-adaptive normalization layer, for images made from label maps: `layer.forward(x, map)`.
 * @throws E101; E300 for an input that is not images; E334 for a map that does not fit; E313 for a mask, E101 for one where the norm takes none; what its norm throws
 */
export function spade(options?: SpadeOptions): Spade {
  return new Spade(options);
}

/** Group normalization (Wu & He 2018, arXiv 1803.08494). */
import { normalize } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { faults } from './faults.ts';
import { groupStatistics } from './group-statistics.ts';
import { maskOver } from './mask.ts';
import { checkEpsilon } from './option-checks.ts';
import { channelAxis, PerSampleNorm, positionsOf, presetOf } from './per-sample.ts';
import type { AffineOptions, ChannelOptions, MaskCall } from './per-sample.ts';
import { sampleFaults } from './per-sample-faults.ts';

/** Epsilon of each framework's group normalization. */
const EPSILON = { torch: 1e-5, keras: 1e-3, onnx: 1e-5, flax: 1e-6 } as const;

/** What group normalization computes and learns. Scale and center learn one value for each channel. */
export interface GroupNormOptions extends AffineOptions, ChannelOptions {
  /** Equal groups of neighbouring channels; default 32, the paper's and Keras'. PyTorch has no default. */
  readonly groups?: number;
  /** Channels in a group, instead of `groups`; the paper's best was 16. */
  readonly groupSize?: number;
  /** Added to the variance; default 1e-5, or the dialect's. */
  readonly epsilon?: number;
  /** Whose epsilon: torch (default) and onnx 1e-5, keras 1e-3, flax 1e-6. */
  readonly dialect?: keyof typeof EPSILON;
}

/** Standardizes each group of channels of each sample over all positions, then scales and shifts each channel. */
export class GroupNorm extends PerSampleNorm {
  private readonly options: GroupNormOptions;
  private readonly epsilon: number;

  constructor(options: GroupNormOptions = {}) {
    super('groupNorm', options);
    checkGroups(this.op, options);
    this.options = options;
    this.epsilon = checkEpsilon(this.op, options.epsilon ?? presetOf(this.op, EPSILON, options.dialect));
  }

  protected override setup(x: Tensor): void {
    const channels = x.shape[channelAxis(this.op, x, this.options.axis)];
    groupsOf(this.op, channels, this.options);
    this.affine([channels]);
  }

  override describe(): string {
    const { groups = 32, groupSize } = this.options;
    return groupSize === undefined ? `groupNorm ${groups}` : `groupNorm of ${groupSize}`;
  }

  forward(x: Tensor, call: MaskCall = {}): Tensor {
    const axis = channelAxis(this.op, x, this.options.axis);
    const affine = this.perChannel(x, axis);
    const groups = groupsOf(this.op, x.shape[axis], this.options);
    checkGroupSize(this.op, x, axis, groups);
    const mask = call.mask && maskOver(this.op, x, axis, call.mask);
    return this.activate(normalize(x, groupStatistics(x, { axis, groups, mask }), { epsilon: this.epsilon, ...affine }));
  }
}

/** How channels fall into groups. */
export type GroupSizes = Pick<GroupNormOptions, 'groups' | 'groupSize'>;

/** @throws E101 for numbers of groups or channels that cannot be */
export function checkGroups(op: string, { groups, groupSize }: GroupSizes): void {
  if (groups !== undefined && groupSize !== undefined) throw faults.option(op, 'groups', 'and groupSize exclude each other', { groups, groupSize }, 'give one of them');
  for (const [name, value] of [['groups', groups], ['groupSize', groupSize]] as const) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
    throw faults.option(op, name, 'must be a whole number from 1', value, value === -1 ? 'for a group for each channel use instanceNorm()' : `for example ${name}: 8`);
  }
}

/** How many groups the options mean. @throws E331 unless they divide the channels */
export function groupsOf(op: string, channels: number, { groups = 32, groupSize }: GroupSizes): number {
  const [name, divisor] = groupSize === undefined ? ['groups', groups] as const : ['groupSize', groupSize] as const;
  if (channels % divisor !== 0) throw sampleFaults.groups(op, channels, name, divisor);
  return groupSize === undefined ? groups : channels / groupSize;
}

/** @throws E332 if a group of a sample is one value: standardized it is 0, whatever it was */
export function checkGroupSize(op: string, x: Tensor, axis: number, groups: number): void {
  if (positionsOf(x, axis) * (x.shape[axis] / groups) !== 1) return;
  throw sampleFaults.oneElement(op, x.shape, 'a group of a sample', x.shape[axis] > 1 ? `use fewer groups, for example ${op}({ groups: 1 })` : 'leave the layer out');
}

/**
 * A group normalization layer, for images in small batches.
 * @throws E101 for options out of range; at the first input that does not fit E310 (channels), E312 (axis), E331 (groups), E332 (one value)
 */
export function groupNorm(options?: GroupNormOptions): GroupNorm {
  return new GroupNorm(options);
}

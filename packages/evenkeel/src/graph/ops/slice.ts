import { ix } from '../../scalar/index.ts';
import { checkArity, checkPerAxis } from '../check.ts';
import { at, tabulate } from '../dense.ts';
import { faults } from '../faults.ts';
import type { Build, Node, Op } from '../node.ts';

/** Elements start, start + step, ... below stop of every axis; bounds are resolved, so 0 <= start <= stop <= extent. */
export interface SliceAttrs {
  readonly start: readonly number[];
  readonly stop: readonly number[];
  /** At least 1. */
  readonly step: readonly number[];
}

/** A regular part of x; the gradient puts g back where it came from, zeros elsewhere. */
export const slice: Op<SliceAttrs> = {
  name: 'slice',
  kind: 'view',
  infer(inputs, { start, stop, step }) {
    checkArity('slice', inputs, 1);
    const { shape, dtype } = inputs[0];
    checkPerAxis('slice', shape, 'start', start);
    checkPerAxis('slice', shape, 'stop', stop);
    checkPerAxis('slice', shape, 'step', step);
    shape.forEach((extent, axis) => {
      const range = [start[axis], stop[axis], step[axis]] as const;
      if (range[0] > range[1] || range[1] > extent || range[2] < 1) throw faults.slice(shape, axis, range);
    });
    return { shape: shape.map((_, axis) => Math.ceil((stop[axis] - start[axis]) / step[axis])), dtype };
  },
  vjp({ inputs: [x], attrs }, g, build) {
    const spread = attrs.step.reduce((sum, step, axis) => (step === 1 ? sum : spreadAxis(sum, axis, x.shape[axis], attrs, build)), g);
    const plain = (axis: number): boolean => attrs.step[axis] === 1;
    const low = x.shape.map((_, axis) => (plain(axis) ? attrs.start[axis] : 0));
    const high = x.shape.map((extent, axis) => (plain(axis) ? extent - attrs.stop[axis] : 0));
    return [build.pad(spread, low, high)];
  },
  lower: ({ attrs }, [x], index) => x(index.map((i, axis) => ix.offset(ix.scale(i, attrs.step[axis]), attrs.start[axis]))),
  reference: ({ attrs, shape }, [x]) =>
    tabulate(shape, (index) => at(x, index.map((i, axis) => attrs.start[axis] + i * attrs.step[axis]))),
};

/** Puts g[o] at start + o * step of an axis of `size` elements: an unskew with a window of one. */
function spreadAxis(g: Node, axis: number, size: number, { start, step }: SliceAttrs, build: Build): Node {
  const rank = g.shape.length;
  const windows = build.reshape(g, [...g.shape, 1]);
  const attrs = { axis, window: rank, stride: step[axis], dilation: 1, padding: -start[axis], out: g.shape[axis], size };
  const spread = build.unskew(windows, attrs);
  return build.reshape(spread, spread.shape.slice(0, rank));
}

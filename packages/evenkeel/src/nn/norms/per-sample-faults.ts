/** What layers that normalize each sample by itself refuse, in words: E330 to E334. */
import { Fault, formatShape } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { currentTrace } from '../../runtime/index.ts';

function fault(code: string, op: string, rule: string, detail: readonly string[], hint: string): Fault {
  return new Fault({ code, op, rule, detail, hint, where: currentTrace().where() });
}

export const sampleFaults = {
  /** E330: other features than the affine part was made for. */
  features(op: string, x: Shape, axes: readonly number[], features: Shape): Fault {
    const clashes = axes.flatMap((axis, i) => (x[axis] === features[i] ? [] : [`${x[axis]} (input, axis ${axis}) != ${features[i]} (layer)`]));
    const hint = 'use a layer of its own for inputs of another size, or leave the affine part out: { scale: false, center: false }';
    return fault('E330', op, `the input must have the features ${formatShape(features)}`, [`input ${formatShape(x)}   axes ${formatShape(axes)}`, ...clashes], hint);
  },
  /** E331: groups that do not divide the channels. */
  groups(op: string, channels: number, name: string, got: number): Fault {
    // More than one channel in a group: with one it is instance normalization, the worst of all sizes for classification (Wu & He 2018, table 3).
    const fits = (d: number): boolean => channels % d === 0 && (channels === 1 || (name === 'groups' ? channels / d : d) > 1);
    const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter(fits);
    const near = divisors.reduce((best, d) => (Math.abs(d - got) < Math.abs(best - got) ? d : best));
    return fault('E331', op, `${name} must divide the channels`, [`${channels} channels   ${name} ${got}`], `${near} divides them: write ${op}({ ${name}: ${near} })`);
  },
  /** E332: slices of one element, which normalization erases. */
  oneElement(op: string, x: Shape, what: string, hint: string): Fault {
    return fault('E332', op, `${what} must hold more than one value`, [`input ${formatShape(x)} leaves one: whatever it is, it becomes the same`], hint);
  },
  /** E333: axes that a sample does not have. */
  axes(op: string, x: Shape, axes: readonly number[]): Fault {
    return fault('E333', op, 'axes must name different axes of a sample, not the batch', [`input ${formatShape(x)}   axes ${formatShape(axes)}`],
      x.length < 2 ? 'give the input a batch axis: x.expandDims(0)' : `for the last axis write axes: -1, for all of a sample axes: ${formatShape(x.slice(1).map((_, i) => i + 1))}`);
  },
  /** E334: a style, map or key that does not fit what it goes with. */
  companion(op: string, name: string, x: Shape, got: Shape | undefined, layout: string): Fault {
    return fault('E334', op, `the ${name} must be ${layout}`, [`input ${formatShape(x)}   ${name} ${got ? formatShape(got) : 'missing'}`],
      got ? `reshape the ${name}, or give one for each sample of the input` : `call ${op} with it: layer.forward(x, ${name})`);
  },
};

/** What normalization layers refuse, in words: one function per code, E310 to E319 (E101 for options). */
import { Fault, formatShape, showValue } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { currentTrace } from '../../runtime/index.ts';

function fault(code: string, op: string, rule: string, detail: readonly string[], hint: string): Fault {
  return new Fault({ code, op, rule, detail, hint, where: currentTrace().where() });
}

export const faults = {
  /** E101: an option out of range. */
  option(op: string, name: string, rule: string, got: unknown, hint: string): Fault {
    return fault('E101', op, `${name} ${rule}`, [`got ${showValue(got)}`], hint);
  },
  /** E101: a name that is none of those known. */
  name(op: string, option: string, got: unknown, known: readonly string[]): Fault {
    return fault('E101', op, `there is no ${option} ${showValue(got)}`, [], `choose one of ${known.join(', ')}`);
  },
  /** E300: an input of another rank than the layer is for. */
  rank(op: string, x: Shape, ranks: readonly number[], hint: string): Fault {
    return fault('E300', op, `the input must have ${ranks.join(' or ')} axes`, [`got ${formatShape(x)}, ${x.length} axes`], hint);
  },
  /** E310: batch normalization of another number of channels. */
  channels(op: string, x: Shape, axis: number, channels: number): Fault {
    return fault('E310', op, `the input must have ${channels} channels`, [`input ${formatShape(x)}`, `${x[axis]} (input, axis ${axis}) != ${channels} (layer)`],
      x.indexOf(channels) > 0 ? `the channels stand on axis ${x.indexOf(channels, 1)}: write ${op}({ axis: ${x.indexOf(channels, 1)} })` : 'use a layer of its own for inputs of another size');
  },
  /** E311: nothing to take a variance of. */
  oneValue(op: string, x: Shape): Fault {
    return fault('E311', op, 'training needs more than one value per channel', [`input ${formatShape(x)} has one: its variance is 0 and every output would be the shift`],
      'use a larger batch, leave out a last batch of one sample ({ dropLast: true }), or freeze() the layer');
  },
  /** E312: the channel axis does not exist, or is the batch. @param wantsChannels whether axis 0 could be meant */
  axis(op: string, x: Shape, axis: number, wantsChannels = false): Fault {
    const rule = wantsChannels ? 'axis 0 is the batch, unless `channels` says that it is not' : 'axis must name an axis other than the batch';
    return fault('E312', op, rule, [`input ${formatShape(x)}   axis ${axis}`],
      wantsChannels ? `use axis: -1 for channels last, axis: 1 for channels first, or ${op}({ axis: 0, channels: ${x[0]} }) if there is no batch axis in front` : 'use axis: -1 for channels last, axis: 1 for channels first');
  },
  /** E313: a mask that does not lie over the input. */
  mask(op: string, x: Shape, mask: Shape, expected: Shape): Fault {
    return fault('E313', op, 'the mask must tell for each position, all channels alike, whether it counts', [`input ${formatShape(x)}   mask ${formatShape(mask)}`],
      `give it the shape ${formatShape(expected)}, or the input's with 1 where it does not change`);
  },
  /** E314: running statistics of a key that the layer does not have. */
  key(op: string, key: string, known: readonly string[], option = 'keys'): Fault {
    return fault('E314', op, `the layer keeps no running statistics for ${JSON.stringify(key)}`, [known.length > 0 ? `it has ${known.join(', ')}` : 'it has no keys'],
      known.length > 0 ? `choose one of them, or add it: ${op}({ ${option}: [${[...known, key].map((k) => `'${k}'`).join(', ')}] })` : `name them when making the layer: ${op}({ keys: ['${key}', ...] })`);
  },
  /** E315: an affine part from outside where it does not fit. */
  affine(op: string, name: string, x: Shape, got: Shape, rule: string): Fault {
    return fault('E315', op, `${name} ${rule}`, [`input ${formatShape(x)}   ${name} ${formatShape(got)}`], `give ${name} a shape that broadcasts to ${formatShape(x)}`);
  },
};

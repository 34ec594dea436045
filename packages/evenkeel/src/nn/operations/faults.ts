/** What operations on models refuse, in words: E360 to E364. */
import { Fault } from '../../base/index.ts';

/** Names shown of a long list. */
const SHOWN = 12;

export const operationFaults = {
  /** E360: a path that leads nowhere. */
  path(op: string, path: string, known: readonly string[]): Fault {
    const near = known.filter((name) => name.split('.').at(-1) === path.split('.').at(-1));
    const listed = known.length > SHOWN ? `${known.slice(0, SHOWN).join(', ')} and ${known.length - SHOWN} more` : known.join(', ');
    return new Fault({ code: 'E360', op, rule: `the model has no layer ${JSON.stringify(path)}`, detail: [`it has ${listed || 'no layers'}`],
      hint: `name one of them, for example '${near[0] ?? known.at(-1) ?? '0'}'; summary(model) shows what each is` });
  },
  /** E361: a layer that cannot be found where it is held. */
  unreachable(op: string, path: string, described: string): Fault {
    return new Fault({ code: 'E361', op, rule: 'the layer must be in a property of its parent, or in an array in one', detail: [`layer ${path} (${described}) is held otherwise`],
      hint: 'keep it in a property, and let children() name it' });
  },
  /** E362: a normalization before a convolution that pads with zeros. */
  padded(norm: string, conv: string, described: string): Fault {
    return new Fault({ code: 'E362', op: 'foldNorms', rule: 'a normalization cannot be folded into a convolution behind it that pads with zeros',
      detail: [`${norm} is followed by ${conv} (${described})`, 'the zeros are put in behind the normalization: it would shift them too, and the borders would change'],
      hint: `leave it as it is, foldNorms(model, { keep: ['${norm}'] }), or pad the model's input instead` });
  },
  /** E363: an operation that has to see a forward, on a model that had none. */
  notRun(op: string, described: string): Fault {
    return new Fault({ code: 'E363', op, rule: 'the model must have been built or run with tensors', detail: [`model ${described}`],
      hint: 'call model.build([28, 28, 1]) with the shape of one sample, or run the model once' });
  },
  /** E364: a rule of replaceNorms that gives something else. */
  notModule(path: string, got: unknown): Fault {
    return new Fault({ code: 'E364', op: 'replaceNorms', rule: 'the rule must give a layer, or undefined to keep the old one', detail: [`for ${path} it gave ${got === null ? 'null' : typeof got}`],
      hint: 'for example (norm) => norm instanceof nn.BatchNorm ? nn.groupNorm({ groups: 8 }) : undefined' });
  },
};

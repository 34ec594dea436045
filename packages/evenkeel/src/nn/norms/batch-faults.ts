/** What variants of batch normalization refuse, in words: E316 to E319. */
import { Fault, formatShape } from '../../base/index.ts';
import type { Shape } from '../../base/index.ts';
import { currentTrace } from '../../runtime/index.ts';

function fault(code: string, op: string, rule: string, detail: readonly string[], hint: string): Fault {
  return new Fault({ code, op, rule, detail, hint, where: currentTrace().where() });
}

export const batchFaults = {
  /** E316: parts that do not divide what they are parts of. */
  parts(op: string, what: string, name: string, of: number, got: number): Fault {
    const divisors = Array.from({ length: of }, (_, i) => i + 1).filter((d) => of % d === 0);
    const near = divisors.reduce((best, d) => (Math.abs(d - got) < Math.abs(best - got) ? d : best), 1);
    return fault('E316', op, `${name} must divide the ${what}`, [`${of} ${what}   ${name} ${got}`], `${name}: ${near} divides ${of}`
      + (what === 'samples' ? '; leave out a last batch of other size with { dropLast: true }' : ''));
  },
  /** E317: a condition, domain or weight that is missing or does not fit. */
  companion(op: string, name: string, x: Shape, got: Shape | undefined, layout: string, hint: string): Fault {
    return fault('E317', op, `the ${name} must be ${layout}`, [`input ${formatShape(x)}   ${name} ${got ? formatShape(got) : 'missing'}`], hint);
  },
  /** E318: a batch that holds nothing besides its reference, or not even that. */
  reference(op: string, samples: number, reference: number): Fault {
    return fault('E318', op, 'the batch must begin with the reference samples and hold others behind them', [`${samples} samples   ${reference} of them reference`],
      'join them at the entrance of the model: model.forward(concat([reference, x]))');
  },
  /** E319: groups of one value. */
  oneValue(op: string, x: Shape, what: string, hint: string): Fault {
    return fault('E319', op, `${what} must hold more than one value per channel`, [`input ${formatShape(x)} leaves one: its variance is 0`], hint);
  },
};

/** What optimizers refuse, in words. */
import { Fault, showValue } from '../base/index.ts';

export const faults = {
  /** E101: an option out of range. */
  option(op: string, name: string, rule: string, got: unknown, hint: string): Fault {
    return new Fault({ code: 'E101', op, rule: `${name} ${rule}`, detail: [`got ${showValue(got)}`], hint });
  },
  /** E420: nothing to train. */
  nothing(op: string, count: number): Fault {
    const detail = count === 0 ? 'no parameters were given' : `all ${count} parameters are frozen`;
    return new Fault({ code: 'E420', op, rule: 'there is nothing to train', detail: [detail], hint: count === 0 ? 'pass model.params()' : 'unfreeze() the layers to train' });
  },
};

/** The base of recurrent cells, and the layer that runs one over a sequence. */
import { sameShape } from '../../base/index.ts';
import { stack, where, zeros } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { Module } from '../module.ts';
import type { RecurrentStep } from '../norms/index.ts';

/** What a cell remembers from step to step: tensors [N, units] by name, `hidden` being its output. */
export interface RecurrentState {
  readonly hidden: Tensor;
  readonly [name: string]: Tensor;
}

/** One step of a recurrent network. */
export abstract class RecurrentCell<S extends RecurrentState = RecurrentState> extends Module {
  /** Values of the hidden state. */
  abstract readonly units: number;
  /** Names of what the state holds. */
  protected abstract readonly parts: readonly (keyof S & string)[];

  /** @param x [N, features]  @returns the state after this step, [N, units] each */
  abstract forward(x: Tensor, state?: S, at?: RecurrentStep): S;

  /** The state before the first step, zeros. */
  start(samples: number): S {
    return Object.fromEntries(this.parts.map((name) => [name, zeros([samples, this.units])])) as unknown as S;
  }
}

/** What of a sequence is given back. */
export interface RecurrentOptions {
  /** The hidden states of all steps [N, T, units] (default), or the last one [N, units]. */
  readonly output?: 'all' | 'last';
}

/** Runs a cell over sequences [N, T, features], step after step in one program: its size grows with T. */
export class Recurrent extends Module {
  readonly cell: RecurrentCell;
  private readonly output: 'all' | 'last';

  constructor(cell: RecurrentCell, options: RecurrentOptions = {}) {
    super();
    this.cell = cell;
    this.output = options.output ?? 'all';
  }

  override describe(): string {
    return 'recurrent';
  }

  /** @param mask [N, T]: steps where it is 0 or false are padding: states pass through them, and statistics leave them out */
  forward(x: Tensor, { mask }: { readonly mask?: Tensor } = {}): Tensor {
    if (x.rank !== 3 || x.shape[1] === 0) throw faults.rank('recurrent', x.shape, 'sequences [N, T, features] with T from 1', 'add the time axis: x.expandDims(1)');
    const [samples, steps, features] = x.shape;
    if (mask && !sameShape(mask.shape, [samples, steps])) throw faults.mask('recurrent', x.shape, mask.shape);
    const hidden: Tensor[] = [];
    let state = this.cell.start(samples);
    for (let step = 0; step < steps; step++) {
      const now = x.slice([0, step, 0], [samples, step + 1, features]).reshape([samples, features]);
      const runs = mask && running(mask.slice([0, step], [samples, step + 1]));
      const next = this.cell.forward(now, state, { step, mask: runs });
      state = runs ? carried(state, next, runs) : next;
      hidden.push(state.hidden);
    }
    return this.output === 'last' ? state.hidden : stack(hidden, 1);
  }
}

function running(mask: Tensor): Tensor {
  return mask.dtype === 'bool' ? mask : mask.ne(0);
}

/** Samples that have ended keep their state. */
function carried(before: RecurrentState, next: RecurrentState, runs: Tensor): RecurrentState {
  const kept = Object.entries(next).map(([name, value]) => [name, where(runs.broadcastTo(value.shape), value, before[name])]);
  return Object.fromEntries(kept) as RecurrentState;
}

/**
 * A layer that runs a cell over sequences: `nn.recurrent(nn.lstmCell(64), { output: 'last' })`.
 * @throws E300 for an input that is not [N, T, features]; E304 for a mask that is not [N, T]
 */
export function recurrent(cell: RecurrentCell, options?: RecurrentOptions): Recurrent {
  return new Recurrent(cell, options);
}
